/**
 * All readers of this folder over the shapes of real files, changed at random where their fields are. A short run each
 * time; `WEBTPM_RUNS` makes it as long as wanted.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mutated, type Seed } from "../../session/reading/testing-mutations.ts";
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
import { imaAscii, imaBinary } from "./testing-ima.ts";
import { LOG_SHAPES } from "./testing-shapes.ts";
import { eventLogYamlBytes } from "./yaml.ts";

declare const process: { env: Record<string, string | undefined> };
const RUNS = Number(process.env.WEBTPM_RUNS ?? 300);
/** Long runs are long on purpose; the work of each is bounded by the limits. */
const options = { numRuns: RUNS };
const timeout = 60_000 + 100 * RUNS;

// --- files ---

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
