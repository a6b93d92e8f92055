/** Two boots side by side: which events are the same, which changed, which are in one log only, and why, in words. */
import { equalBytes } from "../bytes/hex.ts";
import { describeEvent } from "./describe.ts";
import type { EventLog, LogEvent } from "./log.ts";

export interface LogDifference {
  kind: "same" | "changed" | "added" | "removed";
  /** The event in the first log; undefined when it was added. */
  a?: LogEvent;
  /** The event in the second log; undefined when it was removed. */
  b?: LogEvent;
  /** In words, for people; empty for the same. */
  reason: string;
}

/** Above this many pairs of events, alignment only looks at the beginning and the end that the logs share. */
const MOST_PAIRS = 4_000_000;

/** Aligns two logs, in order. Events that stand at the same place and have PCR and type in common count as changed. */
export function compareLogs(a: EventLog, b: EventLog): LogDifference[] {
  const keysA = a.events.map(identity);
  const keysB = b.events.map(identity);
  const rows: LogDifference[] = [];
  let [i, j] = [0, 0];
  for (const [nextA, nextB] of [...commonEvents(keysA, keysB), [keysA.length, keysB.length] as const]) {
    for (const row of gap(a.events.slice(i, nextA), b.events.slice(j, nextB))) rows.push(row);
    const [eventA, eventB] = [a.events[nextA], b.events[nextB]];
    if (eventA && eventB) rows.push({ kind: "same", a: eventA, b: eventB, reason: "" });
    [i, j] = [nextA + 1, nextB + 1];
  }
  return rows;
}

/** What makes two events the same: PCR, type, digests and data. */
function identity(event: LogEvent): string {
  const digests = event.digests.map(({ algorithm, digest }) => `${algorithm}:${digest.join()}`);
  return [event.pcr, event.type, event.data.join(), ...digests].join(" ");
}

/** The longest common subsequence, as pairs of indices. */
function commonEvents(a: string[], b: string[]): (readonly [number, number])[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const head = Array.from({ length: start }, (_, i) => [i, i] as const);
  const middle = longestCommon(a.slice(start, a.length - end), b.slice(start, b.length - end));
  const tail = Array.from({ length: end }, (_, i) => [a.length - end + i, b.length - end + i] as const);
  return [...head, ...middle.map(([i, j]) => [start + i, start + j] as const), ...tail];
}

function longestCommon(a: string[], b: string[]): [number, number][] {
  if (a.length * b.length > MOST_PAIRS) return [];
  const width = b.length + 1;
  const lengths = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number) => lengths[i * width + j] as number;
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i++;
    else j++;
  }
  return pairs;
}

/** Events between two common ones: those of equal PCR and type are paired as changed, the rest came or went. */
function gap(a: LogEvent[], b: LogEvent[]): LogDifference[] {
  const kind = (event: LogEvent) => `${event.pcr} ${event.type}`;
  const rows: LogDifference[] = [];
  let [i, j] = [0, 0];
  for (const [nextA, nextB] of [
    ...longestCommon(a.map(kind), b.map(kind)),
    [a.length, b.length] as [number, number],
  ]) {
    while (i < nextA) rows.push(onlyIn("removed", a[i++] as LogEvent));
    while (j < nextB) rows.push(onlyIn("added", b[j++] as LogEvent));
    const [eventA, eventB] = [a[i++], b[j++]];
    if (eventA && eventB)
      rows.push({ kind: "changed", a: eventA, b: eventB, reason: whatChanged(eventA, eventB) });
  }
  return rows;
}

function onlyIn(kind: "added" | "removed", event: LogEvent): LogDifference {
  const { text } = describeEvent(event);
  const reason = `PCR ${event.pcr}: ${text}: only in the ${kind === "added" ? "second" : "first"} boot`;
  return kind === "added" ? { kind, b: event, reason } : { kind, a: event, reason };
}

function whatChanged(a: LogEvent, b: LogEvent): string {
  const before = describeEvent(a).text;
  const after = describeEvent(b).text;
  if (before !== after) return `PCR ${a.pcr}: ${before} became ${after}`;
  if (!equalBytes(a.data, b.data)) return `PCR ${a.pcr}: ${after}: the event's data changed`;
  const banks = (event: LogEvent) => event.digests.map(({ algorithm }) => algorithm).join();
  if (banks(a) !== banks(b)) return `PCR ${a.pcr}: ${after}: the same event, but other banks are in use`;
  return `PCR ${a.pcr}: ${after}: what was measured changed, its description did not`;
}
