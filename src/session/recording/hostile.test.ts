/** Recordings as nobody's page has written them: refused in words that say why, soon, and in little memory. */
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { RECORDING } from "../reading/limits.ts";
import { unpackRecording } from "./file.ts";
import { decodeRecording, RecordingFormatError } from "./format.ts";

const EMPTY = {
  format: "webtpm-recording",
  version: 1,
  label: "x",
  tpm: "2.0",
  at: 1_700_000_000_000,
  duration: 1000,
  commands: [],
  serial: [],
  pcrs: [],
  log: [],
};
const read = (change: object) => decodeRecording(JSON.stringify({ ...EMPTY, ...change }));
const DIGEST = "00".repeat(32);
const bank = (algorithm: string, value: string) =>
  Array.from({ length: 24 }, (_, pcr) => [0, algorithm, pcr, value]);

describe("a recording", () => {
  it.each([
    ["a date that no calendar has", { at: 1e300 }, /damaged: at: /],
    ["a date before 1970", { at: -1 }, /damaged: at: /],
    ["a date of the year 10,000", { at: 253_402_300_800_000 }, /damaged: at: /],
    ["part of a millisecond in its date", { at: 0.5 }, /damaged: at: /],
    ["a length of centuries", { duration: 1e300 }, /damaged: duration: /],
    [
      "a command after centuries",
      { commands: [[1e300, 1, 0, "guest", "", null]] },
      /damaged: commands\.0\.0: /,
    ],
    ["a command that takes centuries", { commands: [[1, 1e300, 0, "guest", "", null]] }, /commands\.0\.1: /],
    ["console output after centuries", { serial: [[1e300, ""]] }, /damaged: serial\.0\.0: /],
    ["PCRs after centuries", { pcrs: [[1e300, "sha256", 0, DIGEST]] }, /damaged: pcrs\.0\.0: /],
    ["an access after centuries", { accesses: [[1e300, 0x40018, 1]] }, /damaged: accesses\.0/],
    [
      "a gap between PCRs",
      {
        pcrs: [
          [0, "sha256", 0, DIGEST],
          [0, "sha256", 5, "11".repeat(32)],
        ],
      },
      /damaged: pcrs: the bank sha256 has no value of PCR 1, but one of PCR 5/,
    ],
    [
      "a PCR of one byte",
      { pcrs: bank("sha256", DIGEST).with(3, [0, "sha256", 3, "00"]) },
      /damaged: pcrs\.3: must be a value as long as the bank's digests/,
    ],
    [
      "PCRs of different lengths in a bank whose hash is not known here",
      {
        pcrs: [
          [0, "0x0099", 0, DIGEST],
          [0, "0x0099", 1, "00"],
        ],
      },
      /the values of bank 0x0099 have different lengths/,
    ],
    [
      "a bank named __proto__",
      { pcrs: bank("__proto__", "00".repeat(20)) },
      /pcrs\.0\.1: must be the name of a hash/,
    ],
    [
      "a bank named constructor",
      { pcrs: bank("constructor", DIGEST) },
      /pcrs\.0\.1: must be the name of a hash/,
    ],
    ["a bank that is no hash", { pcrs: bank("rsa", DIGEST) }, /pcrs\.0\.1: must be the name of a hash/],
    [
      "a command of 70,000 bytes",
      { commands: [[0, 1, 0, "guest", "80".repeat(70_000), null]] },
      /damaged: commands\.0\.4: must be at most 65,536 bytes/,
    ],
    ["a label like a book", { label: "x".repeat(1001) }, /damaged: label: /],
    [
      "a log like a disk",
      { log: [[0, "00".repeat(RECORDING.logBytes + 1)]] },
      /log\.0\.1: must be at most 1,048,576 bytes/,
    ],
    [
      "a log like a disk in pieces",
      { log: Array.from({ length: 17 }, () => [0, "00".repeat(RECORDING.logBytes / 16)]) },
      /damaged: log: must be 1,048,576 bytes at most/,
    ],
    [
      "too many commands",
      { commands: Array.from({ length: 50_001 }, () => 0) },
      /commands: has more than 50,000 entries/,
    ],
    ["a list that is none", { commands: { length: 1 } }, /damaged: commands: must be a list/],
  ])("with %s is refused in words", (_, change, words) => {
    expect(() => read(change)).toThrow(RecordingFormatError);
    expect(() => read(change)).toThrow(words);
  });

  it("names its banks as the TPM did, also by number", () => {
    expect(read({ pcrs: bank("0x0099", "00".repeat(28)) }).tape.pcrs[0]?.banks[0]?.values).toHaveLength(24);
    expect(read({ pcrs: bank("sha3_384", "00".repeat(48)) }).tape.pcrs[0]?.banks[0]?.algorithm).toBe(
      "sha3_384",
    );
  });

  it("shares what has not changed from one moment to the next", () => {
    const later = Array.from({ length: 5000 }, (_, time) => [time + 1, "sha1", time % 24, "11".repeat(20)]);
    const { pcrs } = read({
      pcrs: [...bank("sha256", DIGEST), ...bank("sha1", "00".repeat(20)), ...later],
    }).tape;
    expect(pcrs).toHaveLength(5001);
    const first = pcrs[0]?.banks.find(({ algorithm }) => algorithm === "sha256");
    expect(first?.values).toHaveLength(24);
    for (const { banks } of pcrs) expect(banks.find(({ algorithm }) => algorithm === "sha256")).toBe(first);
  });

  it("is refused before it is taken apart when it has too many values", () => {
    const wrong = `{"format":"webtpm-recording","version":1,"junk":[${"[],".repeat(RECORDING.values / 2)}0]}`;
    expect(() => decodeRecording(wrong)).toThrow(/too large: it has more than 4,000,000 values/);
  });
});

describe("a recording's file", () => {
  const packed = (text: string) => new Blob([gzipSync(text)]);

  it("is read with its progress", async () => {
    const steps = new Map<string, [number, number]>();
    const file = packed(JSON.stringify(EMPTY));
    await unpackRecording(file, (step, done, total) => steps.set(step, [done, total]));
    expect(Array.from(steps)).toEqual([
      ["unpacking", [file.size, file.size]],
      ["checking", [0, 0]],
    ]);
  });

  it("is unpacked no further than it may be", async () => {
    const bomb = new Blob([gzipSync(Buffer.alloc(RECORDING.text + 64 * 2 ** 20))]);
    let [read, total] = [0, 0];
    const progress = (_: string, done: number, all: number) => ([read, total] = [done, all]);
    await expect(unpackRecording(bomb, progress)).rejects.toThrow(
      /too large: unpacked, it has more than 134,217,728 bytes/,
    );
    expect(total).toBe(bomb.size);
    expect(read).toBeGreaterThan(0);
  });

  it("is not opened when it is too large as it is", async () => {
    const file = { size: RECORDING.file + 1 } as Blob;
    await expect(unpackRecording(file)).rejects.toThrow(/too large: it has more than 67,108,864 bytes/);
  });
});
