/**
 * All readers of this folder over the shapes of real files, changed at random where their fields are. A short run each
 * time; `WEBTPM_RUNS` makes it as long as wanted.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkDigests } from "./check.ts";
import { compareLogs } from "./compare-logs.ts";
import { compareWithPcrs } from "./compare-pcrs.ts";
import { describeEvent, type EventDescription } from "./describe.ts";
import { explainChanges } from "./explain.ts";
import { describeImaEntry } from "./ima/describe.ts";
import { isImaList, parseImaAscii, parseImaBinary, parseImaList } from "./ima/parse.ts";
import { checkBootAggregate, checkImaEntry, compareImaWithPcrs } from "./ima/replay.ts";
import { LIMITS } from "./limits.ts";
import type { Bank, EventLog } from "./log.ts";
import { parseEventLog } from "./parse.ts";
import { replay } from "./replay.ts";
import { type Alg, ascii } from "./testing.ts";
import { joined } from "./testing-data.ts";
import { imaAscii, imaBinary } from "./testing-ima.ts";
import { LOG_SHAPES } from "./testing-shapes.ts";
import { eventLogYamlBytes } from "./yaml.ts";

declare const process: { env: Record<string, string | undefined> };
const RUNS = Number(process.env.WEBTPM_RUNS ?? 300);
/** Long runs are long on purpose; the work of each is bounded by the limits. */
const options = { numRuns: RUNS };
const timeout = 60_000 + 100 * RUNS;

// --- changes that know where fields are, so that most files can still be read far ---

/** A file, and where its records begin. */
interface Seed {
  bytes: Uint8Array;
  starts: number[];
}

const logSeed = (bytes: Uint8Array): Seed => ({
  bytes,
  starts: parseEventLog(bytes).events.map(({ offset }) => offset),
});
const imaSeed = (bytes: Uint8Array): Seed => ({
  bytes,
  starts: parseImaBinary(bytes).entries.map(({ offset }) => offset),
});
const textSeed = (bytes: Uint8Array): Seed => ({
  bytes,
  starts: [...bytes.entries()].flatMap(([at, byte]) => (byte === 0x0a ? [at + 1] : [])),
});

/** Numbers at which lengths and counts go wrong. */
const NUMBERS = [
  0, 1, 2, 15, 16, 17, 0x7f, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
/** Bytes from a record's begin within which its fields lie. */
const FIELDS = 80;

const part = fc.nat();
const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.nat(600), fc.nat(0xffff_ffff));
const change = fc.oneof(
  fc.record({ kind: fc.constant("byte"), at: part, value: fc.nat(255) }),
  fc.record({ kind: fc.constant("field"), at: part, offset: fc.nat(FIELDS), value: number }),
  fc.record({ kind: fc.constant("number"), at: part, value: number }),
  fc.record({ kind: fc.constant("drop"), at: part }),
  fc.record({ kind: fc.constant("double"), at: part, to: part }),
  fc.record({ kind: fc.constant("insert"), at: part, bytes: fc.uint8Array({ maxLength: 12 }) }),
  fc.record({ kind: fc.constant("cut"), at: part }),
  fc.record({ kind: fc.constant("fill"), value: fc.constantFrom(0, 0xff, 0x20), count: fc.nat(70) }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** Files made of the seeds by some changes each. */
const mutated = (seeds: readonly Seed[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.constantFrom(...seeds), fc.array(change, { minLength: 1, maxLength: 6 }))
    .map(([{ bytes, starts }, changes]) =>
      changes.reduce((all, one) => applied(all, starts, one), bytes.slice()),
    );

function applied(bytes: Uint8Array<ArrayBuffer>, starts: number[], change: Change): Uint8Array<ArrayBuffer> {
  const place = (at: number) => at % (bytes.length + 1);
  /** From one record's begin to the next's. */
  const record = (at: number): [number, number] => {
    const i = starts.length ? at % starts.length : 0;
    return [starts[i] ?? 0, starts[i + 1] ?? bytes.length];
  };
  switch (change.kind) {
    case "byte":
      bytes[place(change.at)] = change.value;
      return bytes;
    case "field":
      return withNumber(bytes, record(change.at)[0] + change.offset, change.value);
    case "number":
      return withNumber(bytes, place(change.at), change.value);
    case "drop": {
      const [from, to] = record(change.at);
      return joined(bytes.subarray(0, from), bytes.subarray(to));
    }
    case "double": {
      const [from, to] = record(change.at);
      const [at] = record(change.to);
      return joined(bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at));
    }
    case "insert": {
      const at = place(change.at);
      return joined(bytes.subarray(0, at), change.bytes, bytes.subarray(at));
    }
    case "cut":
      return bytes.slice(0, place(change.at));
    default:
      return joined(bytes, new Uint8Array(change.count).fill(change.value));
  }
}

/** A number of 32 bits, little-endian, as far as there is room for it. */
function withNumber(bytes: Uint8Array<ArrayBuffer>, at: number, value: number): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = value >>> (8 * i);
  return bytes;
}

// --- what must hold ---

const ALGORITHMS: Alg[] = ["sha1", "sha256", "sha384", "sha512"];
const PCRS: Bank[] = [20, 32].map((size, i) => ({
  algorithm: ["sha1", "sha256"][i] as string,
  values: Array.from({ length: 24 }, () => new Uint8Array(size)),
}));
/** What a look-up that reaches Object.prototype would leave in a text. */
const FUNCTION = /function |\[object |\[native code\]/;

const logs = mutated(Object.values(LOG_SHAPES).map(({ bytes }) => logSeed(bytes)));
const lists = mutated([
  ...ALGORITHMS.map((algorithm) => imaSeed(imaBinary(algorithm))),
  ...ALGORITHMS.map((algorithm) => textSeed(ascii(imaAscii(algorithm)))),
]);

function expectBounded({ text, details, meaning }: EventDescription): void {
  expect(details.length).toBeLessThanOrEqual(LIMITS.details + 1);
  expect(text.length).toBeLessThanOrEqual(2 * LIMITS.text);
  for (const words of [text, meaning, ...details.flatMap(({ label, value }) => [label, value])]) {
    expect(typeof words).toBe("string");
    expect(words).not.toMatch(FUNCTION);
  }
}

/** The events lie one behind the other from the log's begin to its end. */
function expectWhole({ events, end, problems }: EventLog, bytes: Uint8Array): void {
  expect(end).toBeLessThanOrEqual(bytes.length);
  expect(events.reduce((sum, { size }) => sum + size, 0)).toBe(end);
  expect(problems.length).toBeLessThanOrEqual(LIMITS.problems + 2);
  for (const { offset } of problems) expect(offset).toBeLessThanOrEqual(bytes.length);
}

describe("no change to a file makes a reader fail", () => {
  it(
    "of event logs",
    () => {
      const before = parseEventLog(LOG_SHAPES["EFI with one bank"]!.bytes);
      fc.assert(
        fc.property(logs, (bytes) => {
          const log = parseEventLog(bytes);
          expectWhole(log, bytes);
          for (const event of log.events) {
            expectBounded(describeEvent(event, log));
            expect(checkDigests(event)).toHaveLength(event.digests.length);
          }
          const banks = replay(log);
          for (const { steps, values } of banks) {
            for (const { pcr, after } of steps) expect(after).toHaveLength(values[pcr]!.length);
          }
          compareWithPcrs(banks, PCRS);
          compareLogs(before, log);
          const changes = log.events.map(({ pcr, digests }) => ({ kind: "extend" as const, pcr, digests }));
          expect(explainChanges(changes, log)).toHaveLength(log.events.length);
          for (const version of [1, 2] as const) expect(eventLogYamlBytes(log, version)[0]).toBe(0x2d);
          isImaList(bytes);
        }),
        options,
      );
    },
    timeout,
  );

  it(
    "of IMA lists",
    () => {
      fc.assert(
        fc.property(lists, (bytes) => {
          isImaList(bytes);
          for (const list of [parseImaList(bytes), parseImaBinary(bytes), parseImaAscii(bytes)]) {
            expect(list.problems.length).toBeLessThanOrEqual(LIMITS.problems + 2);
            for (const entry of list.entries) {
              checkImaEntry(entry);
              expect(describeImaEntry(entry)).not.toMatch(FUNCTION);
              expect(entry.fields.every(({ id }) => typeof id === "string")).toBe(true);
            }
            compareImaWithPcrs(list, PCRS);
            checkBootAggregate(list, PCRS);
          }
        }),
        options,
      );
    },
    timeout,
  );
});
