/**
 * Every reader of what strangers send, over right files made wrong where it matters: none throws but in words, none does
 * more than its file asks for, and nothing that is kept is lost. A short run each time; `WEBTPM_RUNS` changes for each
 * reader make it as long as wanted.
 */
import "fake-indexeddb/auto";
import { gzipSync } from "node:zlib";
import { scrypt } from "@noble/hashes/scrypt.js";
import fc from "fast-check";
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { asksNothing, plain, wishesToAsk } from "../../page/app/link-wishes.ts";
import { parseOptions, toParameters } from "../../page/app/options.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { describeImaEntry, parseEventLog, parseImaBinary } from "../../protocol/eventlog/index.ts";
import { ascii } from "../../protocol/eventlog/testing.ts";
import { imaAscii, imaBinary } from "../../protocol/eventlog/testing-ima.ts";
import { LOG_SHAPES } from "../../protocol/eventlog/testing-shapes.ts";
import { toPcap, toTraceJson } from "../../protocol/export/index.ts";
import { frameAt } from "../recording/index.ts";
import { exportMachine } from "../vault/export.ts";
import { importMachine } from "../vault/import.ts";
import { openVault } from "../vault/store.ts";
import { snapshot, tpmSave } from "../vault/testing.ts";
import type { MachineRecord } from "../vault/types.ts";
import { isOfAReader } from "./crossing.ts";
import { unpacked } from "./event-log.ts";
import { READERS, type ReadingKind, type Readings } from "./readers.ts";
import {
  byteChanges,
  changed,
  changedJson,
  HOSTILE_TEXTS,
  jsonChanges,
  mutated,
  type Seed,
} from "./testing-mutations.ts";
import { packetsOf } from "./testing-pcap.ts";
import { type Files, honest, RECORDINGS, STATE_FILES, withSizes, zipRecords } from "./testing-seeds.ts";

const RUNS = Number(process.env.WEBTPM_RUNS ?? 1000);
/** Long runs are long on purpose; the work of each is counted. */
const timeout = 120_000 + 200 * RUNS;
const options = { numRuns: RUNS };

const blobOf = (bytes: Uint8Array | string) => new Blob([bytes as Uint8Array<ArrayBuffer>]);
/** What a look-up that reaches Object.prototype would leave in a text. */
const FUNCTION = /function |\[object |\[native code\]/;
/** Characters of a message: all that it quotes is cut. */
const LONGEST = 1000;

/** How often a reader tells its progress at most: once for each piece of work of about this size, in bytes. */
const PIECE = 1024;
const FEW = 300;

/** What the reader makes of the file; undefined when it refuses it, which it does in words. */
async function outcome<Kind extends ReadingKind>(
  kind: Kind,
  file: Blob,
  how: Readings[Kind]["options"],
): Promise<Readings[Kind]["result"] | undefined> {
  let steps = 0;
  try {
    return await READERS[kind](file, how, () => steps++);
  } catch (error) {
    expectWords(error);
    return undefined;
  } finally {
    expect(steps).toBeLessThan(FEW + file.size / PIECE);
  }
}

function expectWords(error: unknown): asserts error is Error {
  if (!isOfAReader(error)) throw error;
  expect(error.message.length).toBeLessThan(LONGEST);
  expect(error.message).not.toMatch(FUNCTION);
}

/** Checks that all is as the property says, for the files. */
const always = <T>(files: fc.Arbitrary<T>, check: (file: T) => Promise<void>) =>
  fc.assert(fc.asyncProperty(files, check), options);

const rawText = fc.oneof(
  { weight: 9, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: byteChanges() },
);

describe("no change makes a reader fail", () => {
  it("of recordings", { timeout }, async () => {
    const files = fc.record({ seed: fc.constantFrom(...RECORDINGS), changes: jsonChanges(), zip: rawText });
    await always(files, async ({ seed, changes, zip }) => {
      const packed = new Uint8Array(gzipSync(changedJson(seed, changes), { level: 1 }));
      const file = zip ? changed({ bytes: packed, starts: [0, 10, packed.length - 8] }, zip) : packed;
      const read = await outcome("recording", blobOf(file), {});
      if (!read) return;
      const { recording, moments } = read;
      expect(moments.every((time, i) => i === 0 || time >= moments[i - 1]!)).toBe(true);
      const { commands, serial, accesses } = frameAt(recording, Number.POSITIVE_INFINITY);
      expect([commands, serial, accesses]).toEqual([
        recording.commands.length,
        recording.tape.serial.length,
        recording.accesses.length,
      ]);
      expect(Number.isNaN(new Date(recording.tape.epoch).getTime())).toBe(false);
      const entries = recording.commands.map((one) => ({
        ...one,
        time: recording.tape.epoch + one.startedAt,
      }));
      toTraceJson(entries);
      toPcap(entries);
    });
  });

  it("of event logs", { timeout }, async () => {
    const seeds = Object.values(LOG_SHAPES).map(({ bytes }): Seed => {
      return { bytes, starts: parseEventLog(bytes).events.map(({ offset }) => offset) };
    });
    await always(mutated(seeds), async (bytes) => {
      const read = await outcome("eventLog", blobOf(bytes), {});
      if (!read) return;
      const { log, banks } = read;
      expect(log.events.reduce((sum, { size }) => sum + size, 0)).toBe(log.end);
      const whole = Array.from(ended(unpacked(log, banks)), ({ steps }) => steps.length);
      expect(whole).toEqual(banks.map(({ events }) => events.length));
    });
  });

  it("of IMA lists", { timeout }, async () => {
    const algorithms = ["sha1", "sha256", "sha384", "sha512"] as const;
    const pcrs = [20, 32].map((size, i) => ({
      algorithm: ["sha1", "sha256"][i] as string,
      values: Array.from({ length: 24 }, () => new Uint8Array(size)),
    }));
    const seeds = algorithms.flatMap((algorithm): Seed[] => {
      const [binary, text] = [imaBinary(algorithm), ascii(imaAscii(algorithm))];
      const lines = Array.from(text.entries()).flatMap(([at, byte]) => (byte === 0x0a ? [at + 1] : []));
      return [
        { bytes: binary, starts: parseImaBinary(binary).entries.map(({ offset }) => offset) },
        { bytes: text, starts: lines },
      ];
    });
    await always(mutated(seeds), async (bytes) => {
      const read = await outcome("imaList", blobOf(bytes), { pcrs });
      for (const entry of read?.list.entries ?? []) expect(describeImaEntry(entry)).not.toMatch(FUNCTION);
    });
  });

  it("of state files", { timeout }, async () => {
    const files = fc.tuple(mutated(STATE_FILES), fc.boolean());
    await always(files, async ([bytes, mend]) => {
      const read = await outcome("machine", blobOf(mend ? withSizes(bytes) : bytes), {});
      if (read) expect(read.tpm?.bytes.permanent.length).toBeGreaterThan(0);
    });
  });

  it("of links", { timeout }, async () => {
    const name = fc.constantFrom(
      ...["tpm", "kernel", "cmdline", "memory", "menu", "measured", "placement", "backend", "start", "hda"],
      ...[
        "cdrom",
        "fda",
        "bzimage",
        "initrd",
        "machine",
        "boot",
        "pane",
        "theme",
        "bridge",
        ...HOSTILE_TEXTS,
      ],
    );
    const value = fc.oneof(
      fc.constantFrom(
        "2.0",
        "1.2",
        "auto",
        "1",
        "0",
        "128",
        "1e3",
        "http://a.example/x",
        "//b",
        "ws://[",
        "a b",
        "javascript:1",
      ),
      fc.constantFrom(...HOSTILE_TEXTS),
      fc.string({ maxLength: 80, unit: "binary" }),
    );
    const links = fc.array(fc.tuple(name, value), { maxLength: 12 });
    await always(links, async (pairs) => {
      const link = new URLSearchParams(pairs);
      const { options: page, problems } = parseOptions(link);
      expect(problems.length).toBeLessThanOrEqual(11);
      for (const words of problems) expect(words.length).toBeLessThan(LONGEST);
      const again = parseOptions(toParameters(page.settings, {}));
      expect(again).toEqual({ problems: [], options: { ...again.options, settings: page.settings } });
      const said = Object.fromEntries(
        toParameters(page.settings, page.bridge === undefined ? {} : { bridge: page.bridge }),
      );
      const place = { base: "http://127.0.0.1:5173/", kept: { hda: "x", cmdline: "quiet" } };
      const wishes = wishesToAsk(said, said, place) ?? [];
      if (asksNothing(said)) expect(wishes).toEqual([]);
      for (const wish of wishes) expect(plain(wish.value)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    });
  });

  it("of packet captures, and of messages one behind the other", { timeout }, async () => {
    const command = fromHex("80010000000c0000017b0040");
    const response = new Uint8Array(0x50).with(0, 0x80).with(1, 1).with(5, 0x50);
    const entries = [1, 2, 3].map((time) => ({ time: 1e12 + time, duration: 1, request: command, response }));
    const capture = toPcap(entries);
    const view = new DataView(capture.buffer);
    const starts: number[] = [];
    for (let at = 24; at < capture.length; at += 16 + view.getUint32(at + 8))
      starts.push(at, at + 16, at + 36);
    const plain = Uint8Array.from([...command, ...response, ...command]);
    const seeds: Seed[] = [
      { bytes: capture, starts },
      { bytes: plain, starts: [0, command.length, command.length + response.length] },
    ];
    await always(mutated(seeds), async (bytes) => {
      const read = await outcome("messages", blobOf(bytes), {});
      for (const { request, response: answer } of read?.entries ?? [])
        expect(Math.min(request.length, answer?.length ?? 10)).toBeGreaterThanOrEqual(10);
      expect(read?.problems.length ?? 0).toBeLessThanOrEqual(20);
    });
  });

  it("of packet captures that are written", { timeout }, async () => {
    const time = fc.oneof(
      fc.double(),
      fc.constantFrom(0, -1, 1e300, Number.NaN, 2 ** 42, 1.7e12),
      fc.nat(1e6),
    );
    const message = fc.oneof(
      { weight: 60, arbitrary: fc.uint8Array({ maxLength: 60 }) },
      { weight: 1, arbitrary: fc.nat(140_000).map((size) => new Uint8Array(size).fill(size)) },
    );
    const entry = fc.record(
      { time, duration: time, locality: fc.nat(4), request: message, response: message },
      { requiredKeys: ["time", "request"] },
    );
    await always(fc.array(entry, { maxLength: 6 }), async (entries) => {
      const { fromClient, fromTpm } = packetsOf(toPcap(entries));
      const all = (one: "request" | "response") =>
        Buffer.concat(entries.map((entry) => entry[one] ?? new Uint8Array()));
      expect(Buffer.compare(Buffer.concat(fromClient), all("request"))).toBe(0);
      expect(Buffer.compare(Buffer.concat(fromTpm), all("response"))).toBe(0);
      expect(toTraceJson(entries.filter(({ request }) => request.length < 100)).format).toBe("webtpm-trace");
    });
  });
});

describe("no change to an export makes its reader fail, or touches what is kept,", () => {
  const vault = openVault("fuzz");
  let kept: MachineRecord;
  let files: Files;
  let manifest: object;
  beforeAll(async () => {
    kept = await vault.create({ name: "My PC", tpmVersion: "2.0", settings: { memory: "128" } });
    await vault.saveTpm(kept.id, tpmSave());
    await vault.putSnapshot(kept.id, snapshot("before"));
    kept = await vault.get(kept.id);
    const { blob } = await exportMachine(vault, kept.id);
    const { "manifest.json": text, ...others } = unzipSync(new Uint8Array(await blob.arrayBuffer()));
    [files, manifest] = [others, JSON.parse(strFromU8(text!))];
  });
  afterAll(() => vault.close());

  /** The file into the vault: all of it, or nothing; and what was there is there. */
  async function bringIn(file: Blob, passphrase?: string): Promise<void> {
    const how = passphrase === undefined ? {} : { passphrase };
    const read = (from: Blob) => READERS.machine(from, how, () => undefined);
    let made: MachineRecord | undefined;
    try {
      made = await importMachine(vault, file, { read });
    } catch (error) {
      expectWords(error);
    }
    const machines = await vault.list();
    expect(machines.filter(({ id }) => id !== made?.id)).toEqual([kept]);
    if (!made) return;
    expect(machines).toHaveLength(2);
    await vault.remove(made.id);
  }

  const change = fc.record({
    file: fc.option(fc.record({ at: fc.nat(), changes: byteChanges(), json: jsonChanges() }), { freq: 1 }),
    manifest: jsonChanges(0),
    tellTruth: fc.boolean(),
    zip: rawText,
  });
  type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

  function fileOf({ file, manifest: changes, tellTruth, zip }: Change): Uint8Array {
    const all: Record<string, Uint8Array> = { ...files };
    if (file) {
      const paths = Object.keys(files);
      const path = paths[file.at % paths.length]!;
      const device = path.endsWith("device.json");
      all[path] = device
        ? strToU8(changedJson(JSON.parse(strFromU8(files[path]!)), file.json))
        : changed({ bytes: files[path]!, starts: [0, 10, 16] }, file.changes);
    }
    const text = changedJson(tellTruth ? honest(manifest, all) : manifest, changes);
    const archive = zipSync({ ...all, "manifest.json": strToU8(text) }, { level: 0 });
    return zip ? changed(zipRecords(archive), zip) : archive;
  }

  it("as it is", { timeout }, async () => {
    await always(change, async (one) => {
      await bringIn(blobOf(fileOf(one)));
    });
    expect(await vault.loadTpm(kept.id)).toEqual(tpmSave());
    expect(await vault.listSnapshots(kept.id)).toHaveLength(1);
  });

  it.each([1, 2])("behind a passphrase, format %d", { timeout }, async (formatVersion) => {
    const salt = new Uint8Array(16);
    const iv = new Uint8Array(12);
    // The only chunk is the last one.
    if (formatVersion === 2) iv[11] = 1;
    const cost = { N: 2, r: 1, p: 1 };
    const raw = scrypt("open", salt, { ...cost, dkLen: 32 }) as Uint8Array<ArrayBuffer>;
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
    const fields = {
      formatVersion,
      cipher: "AES-256-GCM",
      ...(formatVersion === 1 ? { iv: toHex(iv) } : { iv: toHex(iv.subarray(0, 7)), chunk: 2 ** 26 }),
      kdf: "scrypt",
      ...cost,
      salt: toHex(salt),
    };
    const sealed = fc.record({ change, header: jsonChanges(0), bytes: rawText });
    await always(sealed, async ({ change, header, bytes }) => {
      const contents = fileOf(change) as Uint8Array<ArrayBuffer>;
      const line = cheap(changedJson({ ...fields, size: contents.length }, header));
      const begin = new TextEncoder().encode(`WEBTPM-SEALED\n${line}\n`);
      const how = { name: "AES-GCM", iv, additionalData: begin };
      const closed = new Uint8Array(await crypto.subtle.encrypt(how, key, contents));
      const file = Buffer.concat([begin, closed]);
      await bringIn(
        blobOf(bytes ? changed({ bytes: file, starts: [0, 14, begin.length] }, bytes) : file),
        "open",
      );
    });
    expect(await vault.loadTpm(kept.id)).toEqual(tpmSave());
  });
});

/** What comes out of work that is done slice by slice. */
function ended<T>(slices: Generator<undefined, T, undefined>): T {
  for (;;) {
    const next = slices.next();
    if (next.done) return next.value;
  }
}

/** A header whose key is made soon, or refused: those in between are right, and take long on purpose. */
function cheap(header: string): string {
  try {
    const { N, r, p } = JSON.parse(header);
    return N * r * p > 2 ** 10 && N * r * p <= 2 ** 26 ? "{}" : header;
  } catch {
    return header;
  }
}
