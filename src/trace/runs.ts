/**
 * Accesses as a recording keeps them: polls that saw the same are one run, and so are bytes that went through the FIFO
 * one after the other. The accesses of a run have the time of its first.
 */
import { isFifo } from "../tis/view.ts";
import { isMark, offsetOf, sizeOf } from "./access.ts";
import type { CommandSpan } from "./commands.ts";
import type { TraceRing } from "./ring.ts";

/** Runs and bytes that are kept of one boot: some twenty times what a boot to the shell has. */
const MOST = 300_000;
const WORD_MASK = 0xffc;

export interface AccessRun {
  /** Milliseconds; of which clock says who made it. */
  time: number;
  /** As `packAccess` makes it. */
  word: number;
  /** Through the FIFO: the bytes, as they went. */
  bytes?: Uint8Array;
  /** All others: what was read or written, and how often. */
  value?: number;
  count?: number;
  /** The command that begins to run with it, by id. */
  command?: number;
}

/** Accesses as runs, oldest first. */
export interface FoldedAccesses {
  runs: AccessRun[];
  /** False when there were so many that only the first ones are here. */
  whole: boolean;
}

/** The accesses from a time on. @param most how many runs and bytes there may be. */
export function foldAccesses(
  ring: TraceRing,
  spans: readonly CommandSpan[],
  from: number,
  most = MOST,
): FoldedAccesses {
  const starts = new Map(spans.flatMap(({ go, id }) => (id === undefined ? [] : [[go, id] as const])));
  const runs: AccessRun[] = [];
  let bytes = 0;
  let at = ring.at(from);
  while (at < ring.end && runs.length + bytes < most) {
    const end = endOfRun(ring, at, starts);
    const run = runOf(ring, at, end);
    bytes += run.bytes?.length ?? 0;
    const command = starts.get(at);
    runs.push(command === undefined ? run : { ...run, command });
    at = end;
  }
  return { runs, whole: at >= ring.end };
}

const isThroughFifo = (word: number) => !isMark(word) && isFifo(offsetOf(word) & WORD_MASK);

function endOfRun(ring: TraceRing, first: number, starts: ReadonlyMap<number, number>): number {
  const word = ring.word(first);
  const value = ring.value(first);
  let at = first + 1;
  if (isMark(word) || starts.has(first)) return at;
  const any = isThroughFifo(word);
  while (at < ring.end && ring.word(at) === word && !starts.has(at) && (any || ring.value(at) === value))
    at++;
  return at;
}

function runOf(ring: TraceRing, first: number, end: number): AccessRun {
  const time = ring.time(first);
  const word = ring.word(first);
  if (!isThroughFifo(word)) return { time, word, value: ring.value(first), count: end - first };
  const size = sizeOf(word);
  const bytes = new Uint8Array((end - first) * size);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = ring.value(first + Math.floor(i / size)) >>> (8 * (i % size));
  return { time, word, bytes };
}

/** The values of a run, access by access. */
export function* valuesOf({ word, bytes, value = 0, count = 1 }: AccessRun): Generator<number> {
  const size = sizeOf(word);
  if (!bytes) for (let i = 0; i < count; i++) yield value;
  else
    for (let at = 0; at < bytes.length; at += size)
      yield bytes.subarray(at, at + size).reduceRight((all, byte) => all * 256 + byte, 0);
}
