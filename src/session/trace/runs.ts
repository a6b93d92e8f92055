/**
 * Accesses as a recording keeps them: polls that saw the same are one run, and so are bytes that went through the FIFO
 * one after the other. The accesses of a run have the time of its first.
 */
import { isData, isMark, nextWord, sizeOf } from "./access.ts";
import type { CommandSpan } from "./commands.ts";
import type { TraceRing } from "./ring.ts";

/** Runs and bytes that are kept of one boot: some twenty times what a boot to the shell has. */
const MOST = 300_000;

export interface AccessRun {
  /** Milliseconds; of which clock says who made it. */
  time: number;
  /** As `packAccess` makes it. */
  word: number;
  /** Through the FIFO, or in the data buffer one behind the other: the bytes, as they went. */
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

function endOfRun(ring: TraceRing, first: number, starts: ReadonlyMap<number, number>): number {
  const word = ring.word(first);
  const value = ring.value(first);
  let at = first + 1;
  if (isMark(word) || starts.has(first)) return at;
  const any = isData(word);
  let expected = nextWord(word);
  while (
    at < ring.end &&
    ring.word(at) === expected &&
    !starts.has(at) &&
    (any || ring.value(at) === value)
  ) {
    at++;
    expected = nextWord(expected);
  }
  return at;
}

function runOf(ring: TraceRing, first: number, end: number): AccessRun {
  const time = ring.time(first);
  const word = ring.word(first);
  if (!isData(word)) return { time, word, value: ring.value(first), count: end - first };
  const size = sizeOf(word);
  const bytes = new Uint8Array((end - first) * size);
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = ring.value(first + Math.floor(i / size)) >>> (8 * (i % size));
  return { time, word, bytes };
}

/** The accesses of a run: word and value of each. */
export function* accessesOf({ word, bytes, value = 0, count = 1 }: AccessRun): Generator<[number, number]> {
  const size = sizeOf(word);
  if (!bytes) for (let i = 0; i < count; i++) yield [word, value];
  else {
    let at = word;
    for (let begin = 0; begin < bytes.length; begin += size) {
      yield [at, bytes.subarray(begin, begin + size).reduceRight((all, byte) => all * 256 + byte, 0)];
      at = nextWord(at);
    }
  }
}
