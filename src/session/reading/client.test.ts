/** Readings beside the page: what comes over is what the reader made, and each end has its words. */
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { parseEventLog, parseImaList, replay } from "../../protocol/eventlog/index.ts";
import { imaBinary } from "../../protocol/eventlog/testing-ima.ts";
import { LOG_SHAPES } from "../../protocol/eventlog/testing-shapes.ts";
import { decodeRecording, RecordingFormatError } from "../recording/format.ts";
import { moments } from "../recording/playback.ts";
import { ImportError } from "../vault/errors.ts";
import { readFile } from "./client.ts";
import { FileReadError, LogFileError, ReaderLostError, ReadingCanceledError } from "./errors.ts";
import { unpacked } from "./event-log.ts";
import { READING } from "./limits.ts";
import { pieces } from "./pieces.ts";
import { channelThread } from "./testing.ts";

afterEach(() => void vi.useRealTimers());

const recording = (count: number) =>
  JSON.stringify({
    format: "webtpm-recording",
    version: 1,
    label: "x",
    tpm: "2.0",
    at: 1_700_000_000_000,
    duration: 1000,
    commands: Array.from({ length: count }, (_, i) => [i, 1, 0, "guest", "80010000000c0000017b0008", null]),
    serial: Array.from({ length: count }, (_, i) => [i, "6162"]),
    pcrs: Array.from({ length: 24 }, (_, pcr) => [0, "sha256", pcr, "00".repeat(32)]),
    log: [[0, "0011"]],
    accesses: Array.from({ length: count }, (_, i) => [i, 0x40018, 1]),
  });
const packed = (text: string) => new Blob([gzipSync(text)]);
const blobOf = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);
/** A reader that never answers. */
const never = () => new Promise<never>(() => undefined);

describe("a reading", () => {
  it("of a recording gives what the file has, however long its lists are", async () => {
    const text = recording(3000);
    const steps: string[] = [];
    const progress = (step: string) => steps.at(-1) !== step && steps.push(step);
    const thread = channelThread();
    const read = await readFile("recording", packed(text), {}, { progress, start: () => thread });
    const expected = decodeRecording(text);
    expect(read.recording).toEqual(expected);
    expect(Array.from(read.moments)).toEqual(moments(expected));
    expect(steps).toEqual(["unpacking", "checking", "taking over"]);
    expect(thread.ended).toBe(true);
  });

  it.each(Object.entries(LOG_SHAPES))("of an event log, %s, gives it with its replay", async (_, shape) => {
    const { bytes } = shape;
    const read = await readFile("eventLog", blobOf(bytes), {}, { start: channelThread });
    const log = parseEventLog(bytes);
    expect(read.bytes).toEqual(new Uint8Array(bytes));
    expect(read.log).toEqual(log);
    const rebuilding = unpacked(read.log, read.banks);
    let slice = rebuilding.next();
    while (!slice.done) slice = rebuilding.next();
    expect(slice.value).toEqual(replay(log));
  });

  it("of an IMA list gives its entries, compared with the PCRs", async () => {
    const bytes = imaBinary("sha256");
    const pcrs = [{ algorithm: "sha256", values: Array.from({ length: 24 }, () => new Uint8Array(32)) }];
    const read = await readFile("imaList", blobOf(bytes), { pcrs }, { start: channelThread });
    expect(read.list).toEqual(parseImaList(bytes));
    expect(read.comparison).toMatchObject([{ algorithm: "sha256", pcr: 10, result: "differs" }]);
  });

  it.each([
    [
      "recording",
      RecordingFormatError,
      "this file is no recording of a boot: it does not begin as a gzip file does",
    ],
    [
      "machine",
      ImportError,
      "this file is neither an export of a machine nor swtpm's state: this is no state file of swtpm: it has 4 bytes only",
    ],
    ["eventLog", LogFileError, "it has no event as firmware writes them"],
    ["imaList", LogFileError, "is no IMA list"],
  ] as const)("of what is no %s throws the reader's own error", async (kind, type, words) => {
    const reading = readFile(kind, new Blob(["none"]), { pcrs: [] }, { start: channelThread });
    await expect(reading).rejects.toThrow(type);
    await expect(reading).rejects.toThrow(words);
  });

  it("that fails for another reason says so in words, with its cause", async () => {
    const eventLog = () => Promise.reject(new RangeError("Array buffer allocation failed"));
    const start = () => channelThread({ eventLog });
    const reading = readFile("eventLog", new Blob(["x"]), {}, { start });
    await expect(reading).rejects.toThrow(FileReadError);
    await expect(reading).rejects.toMatchObject({
      message: "this file could not be read to its end (Array buffer allocation failed)",
      cause: { name: "RangeError" },
    });
  });
});

describe("a reading that is given up", () => {
  it("while the reader is at work ends its thread", async () => {
    const giveUp = new AbortController();
    const thread = channelThread({ recording: never });
    const { signal } = giveUp;
    const reading = readFile("recording", new Blob(), {}, { signal, start: () => thread });
    giveUp.abort();
    await expect(reading).rejects.toThrow(ReadingCanceledError);
    expect(thread.ended).toBe(true);
  });

  it("while its pieces come over gives nothing", async () => {
    const giveUp = new AbortController();
    const thread = channelThread();
    const progress = (step: string) => step === "taking over" && giveUp.abort();
    const manner = { signal: giveUp.signal, progress, start: () => thread };
    await expect(readFile("recording", packed(recording(3000)), {}, manner)).rejects.toThrow(
      ReadingCanceledError,
    );
    expect(thread.ended).toBe(true);
  });

  it("before it begins starts no thread", async () => {
    const start = vi.fn(channelThread);
    const manner = { signal: AbortSignal.abort(), start: () => start() };
    await expect(readFile("recording", new Blob(), {}, manner)).rejects.toThrow(ReadingCanceledError);
    expect(start).not.toHaveBeenCalled();
  });
});

describe("a reader", () => {
  it("that dies ends the reading in words", async () => {
    const thread = channelThread({ machine: never });
    const reading = readFile("machine", new Blob(), {}, { start: () => thread });
    thread.onerror?.({ message: "out of memory", preventDefault: () => undefined } as ErrorEvent);
    await expect(reading).rejects.toThrow(ReaderLostError);
    await expect(reading).rejects.toThrow(/ended \(out of memory\): try again, or open the file on a device/);
    expect(thread.ended).toBe(true);
  });

  it("that cannot be loaded is done without", async () => {
    const thread = channelThread({ eventLog: never });
    const { bytes } = LOG_SHAPES["EFI with one bank"]!;
    const reading = readFile("eventLog", blobOf(bytes), {}, { start: () => thread });
    thread.onerror?.(new Event("error") as ErrorEvent);
    expect((await reading).log).toEqual(parseEventLog(bytes));
    expect(thread.ended).toBe(true);
  });

  it("that says nothing for too long is ended, one that goes on is not", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const thread = channelThread({ machine: never });
    const reading = readFile("machine", new Blob(), {}, { start: () => thread });
    const lost = expect(reading).rejects.toThrow(/has said nothing for 120 seconds and was ended/);
    vi.advanceTimersByTime(1000 * (READING.silence - 1));
    thread.onmessage?.({ data: { progress: ["reading", 1, 2] } } as MessageEvent);
    vi.advanceTimersByTime(1000 * (READING.silence - 1));
    expect(thread.ended).toBe(false);
    vi.advanceTimersByTime(1000);
    await lost;
    expect(thread.ended).toBe(true);
  });
});

describe("pieces", () => {
  it("have all of a list, in order, and none much more work than another", () => {
    const item = fc.oneof(fc.nat(), fc.record({ bytes: fc.uint8Array({ maxLength: 5000 }) }));
    fc.assert(
      fc.property(fc.array(item, { maxLength: 500, size: "max" }), (list) => {
        const all = Array.from(pieces(list));
        expect(all.flat()).toEqual(list);
        for (const piece of all) expect(piece.length).toBeGreaterThan(0);
      }),
      { numRuns: 50 },
    );
    const many = Array.from(pieces(Array.from({ length: 100_000 }, (_, i) => ({ i }))));
    expect(Math.max(...many.map(({ length }) => length))).toBeLessThanOrEqual(6000);
  });

  it("have all their bytes in one buffer, and no more of another than is theirs", () => {
    const buffer = new Uint8Array(1 << 20).fill(7);
    const list = Array.from({ length: 10 }, (_, i) => ({ bytes: buffer.subarray(i, i + 3) }));
    const [piece] = Array.from(pieces(list)) as [typeof list];
    for (const { bytes } of piece) expect(bytes.buffer).toBe(piece[0]!.bytes.buffer);
    expect(piece[0]!.bytes.buffer.byteLength).toBe(30);
    expect(piece[3]?.bytes).toEqual(new Uint8Array([7, 7, 7]));
  });

  it("have what several items share once", () => {
    const bank = { values: Array.from({ length: 24 }, () => new Uint8Array(32)) };
    const list = Array.from({ length: 5000 }, (_, time) => ({ time, banks: [bank] }));
    expect(Array.from(pieces(list)).length).toBeLessThan(6);
  });
});
