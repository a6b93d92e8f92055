/** What a recorded boot looked like at a moment. */
import type { PcrSnapshot, Recording } from "./recording.ts";

export interface Frame {
  /** How many of the recording's commands had their answer. */
  commands: number;
  /** Bytes of the event log. */
  logEnd: number;
  /** The PCRs as they were; undefined before they were first read. */
  pcrs: PcrSnapshot | undefined;
  /** How many pieces of the console's output had come. */
  serial: number;
  /** How many of the runs of accesses had begun. */
  accesses: number;
}

/** @param time milliseconds since the machine's start. */
export function frameAt({ tape, commands, accesses }: Recording, time: number): Frame {
  const timeOf = (one: { readonly time: number }) => one.time;
  return {
    commands: firstAfter(commands, ({ startedAt, duration = 0 }) => startedAt + duration, time),
    logEnd: tape.log[firstAfter(tape.log, timeOf, time) - 1]?.end ?? 0,
    pcrs: tape.pcrs[firstAfter(tape.pcrs, timeOf, time) - 1],
    serial: firstAfter(tape.serial, timeOf, time),
    accesses: firstAfter(accesses, timeOf, time),
  };
}

/** The longest that nothing happens while a recording plays, in milliseconds. */
const LONGEST_PAUSE = 1200;

/** Moments at which something happens, in order. */
export function moments({ tape, commands }: Recording): number[] {
  return [
    ...commands.map(({ startedAt, duration = 0 }) => startedAt + duration),
    ...tape.serial.map(({ time }) => time),
    ...tape.pcrs.map(({ time }) => time),
    ...tape.log.map(({ time }) => time),
  ].toSorted((a, b) => a - b);
}

/** Where playing goes on from `time` when the stretch ahead is empty for too long; else `time` itself. @param all in order */
export function skipPause(all: ArrayLike<number>, time: number): number {
  const at = firstAfter(all, Number, time);
  const next = all[at];
  const last = all[at - 1] ?? 0;
  if (next === undefined || next - last <= LONGEST_PAUSE || time - last < LONGEST_PAUSE / 2) return time;
  return Math.max(time, next - LONGEST_PAUSE / 2);
}

/** Index of the first one after `time`, of many in order: the player asks some ten times a second. */
function firstAfter<T>(all: ArrayLike<T>, timeOf: (one: T) => number, time: number): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(all[middle]!) > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
