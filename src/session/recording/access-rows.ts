/**
 * Accesses to the registers in a recording's file, a row for each run of the same ones:
 *
 * - [time, word, bytes]: through the FIFO, one after the other;
 * - [time, word, value, count, command]: all others; the count may be left out when it is 1, the command always.
 *
 * `word` says what was accessed, as session/trace/access.ts has it; `command` counts the recording's commands from 1 and stands
 * where one begins to run.
 */
import * as v from "valibot";
import { toHex } from "../../protocol/bytes/hex.ts";
import { RECORDING } from "../reading/limits.ts";
import { list, whole } from "../reading/numbers.ts";
import type { AccessRun } from "../trace/index.ts";
import { hex, round, time } from "./fields.ts";

const SIZES = [1, 2, 4];
const MARK = 1 << 21;
const sizeOf = (word: number) => (word >>> 16) & 7;

const count = whole(1, RECORDING.accesses);
/** Counts from 1. */
const command = whole(1, RECORDING.commands);
const word = v.pipe(
  whole(0, 0x7f_ffff),
  v.check(
    (bits) => (bits & MARK) !== 0 || SIZES.includes(sizeOf(bits)),
    "must be an access of 1, 2 or 4 bytes",
  ),
);
const value = whole(0, 0xffff_ffff);
const bytesRow = v.pipe(
  v.tuple([time, word, hex(4 * RECORDING.accesses)]),
  v.check(([, bits, bytes]) => bytes.length % sizeOf(bits) === 0, "must be whole accesses"),
  v.transform(([time, word, bytes]): AccessRun => ({ time, word, bytes })),
);
const valueRow = v.pipe(
  v.tuple([time, word, value, v.optional(count, 1), v.optional(command)]),
  v.transform(([time, word, value, count, command]): AccessRun => {
    const run = { time, word, value, count };
    return command === undefined ? run : { ...run, command };
  }),
);

export const accessRows = v.pipe(
  list(v.union([valueRow, bytesRow]), RECORDING.runs),
  v.check(
    (runs) =>
      runs.reduce((all, { count = 1, bytes }) => all + (bytes?.length ?? count), 0) <= RECORDING.accesses,
    `must be ${RECORDING.accesses.toLocaleString("en")} accesses at most`,
  ),
);

export function rowOf({ time, word, bytes, value = 0, count = 1, command }: AccessRun): unknown[] {
  if (bytes) return [round(time), word, toHex(bytes)];
  if (command !== undefined) return [round(time), word, value, count, command];
  return count === 1 ? [round(time), word, value] : [round(time), word, value, count];
}
