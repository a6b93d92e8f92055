/**
 * The file of a recording: JSON, gzipped by file.ts; its name ends in `.webtpm`.
 *
 * | member     | what                                                                                              |
 * | ---------- | ------------------------------------------------------------------------------------------------- |
 * | `format`   | "webtpm-recording"                                                                                |
 * | `version`  | 1; counts up when a reader of the version before could no longer read it                          |
 * | `label`    | what booted, in words                                                                             |
 * | `tpm`      | "2.0" or "1.2"                                                                                    |
 * | `resumed`  | true for a machine that went on from where it was saved, and did not boot. Older files lack it    |
 * | `at`       | start of the machine: milliseconds since 1970                                                     |
 * | `duration` | milliseconds                                                                                      |
 * | `commands` | [start, duration, locality, "guest" or "page", request, response or null]                         |
 * | `serial`   | [time, bytes] of the console                                                                      |
 * | `pcrs`     | [time, algorithm, pcr, value]: the PCRs that have changed since the time before; first come all   |
 * | `log`      | [time, bytes] by which the event log has grown                                                    |
 * | `accesses` | to the registers, where they were recorded: see access-rows.ts. Older files have none             |
 *
 * Times are milliseconds since the start, bytes are hex.
 */
import * as v from "valibot";
import { toHex } from "../../protocol/bytes/hex.ts";
import { commandFields } from "../command-fields.ts";
import { beyond, RECORDING } from "../reading/limits.ts";
import { dateTime, flaw, list, quoted, text, whole } from "../reading/numbers.ts";
import type { CommandRecord } from "../types.ts";
import { accessRows, rowOf } from "./access-rows.ts";
import { hex, round, time } from "./fields.ts";
import { pcrRows, pcrRowsOf } from "./pcr-rows.ts";
import type { LogGrowth, Recording } from "./recording.ts";

const FORMAT = "webtpm-recording";
const VERSION = 1;

/** A file that is no recording, is damaged, or is newer than this page. */
export class RecordingFormatError extends Error {
  override readonly name = "RecordingFormatError";
}

const message = hex(RECORDING.message);
/** Bytes that came piece by piece. */
const pieces = (most: number, bytes: number) =>
  v.pipe(
    list(v.tuple([time, hex(bytes)]), most),
    v.check(
      (all) => all.reduce((sum, [, piece]) => sum + piece.length, 0) <= bytes,
      `must be ${bytes.toLocaleString("en")} bytes at most`,
    ),
  );

const file = v.object({
  label: text(RECORDING.label),
  tpm: v.picklist(["2.0", "1.2"]),
  resumed: v.optional(v.boolean(), false),
  at: dateTime,
  duration: time,
  commands: list(
    v.tuple([time, time, whole(0, 4), v.picklist(["guest", "page"]), message, v.nullable(message)]),
    RECORDING.commands,
  ),
  serial: pieces(RECORDING.serial, RECORDING.serialBytes),
  pcrs: pcrRows,
  log: pieces(RECORDING.log, RECORDING.logBytes),
  accesses: v.optional(accessRows, []),
});

/** The recording as JSON text. */
export function encodeRecording({ tape, commands, logBytes, accesses }: Recording): string {
  let from = 0;
  return JSON.stringify({
    format: FORMAT,
    version: VERSION,
    label: tape.label,
    tpm: tape.tpm,
    ...(tape.resumed && { resumed: true }),
    at: Math.round(tape.epoch),
    duration: round(tape.end),
    commands: commands.map(({ startedAt, duration = 0, locality, origin, request, response }) => [
      round(startedAt),
      round(duration),
      locality,
      origin,
      toHex(request),
      response ? toHex(response) : null,
    ]),
    serial: tape.serial.map(({ time, bytes }) => [round(time), toHex(bytes)]),
    pcrs: pcrRowsOf(tape.pcrs),
    log: tape.log.map(({ time, end }) => {
      const grown = toHex(logBytes.subarray(from, end));
      from = end;
      return [round(time), grown];
    }),
    ...(accesses.length && { accesses: accesses.map(rowOf) }),
  });
}

/** @throws {RecordingFormatError} saying what is wrong with it. */
export function decodeRecording(text: string): Recording {
  const content = parse(text);
  if (content.format !== FORMAT) throw new RecordingFormatError("this file is no recording of a boot");
  if (content.version !== VERSION)
    throw new RecordingFormatError(
      `this recording has format version ${quoted(JSON.stringify(content.version) ?? "none")}, and this page knows version ${VERSION} only: open it with a newer page`,
    );
  // The first thing that is wrong will do: of a million rows each may have one.
  const result = v.safeParse(file, content, { abortEarly: true });
  if (!result.success) {
    const { where = "its content", what } = flaw(result.issues[0]);
    throw new RecordingFormatError(`this recording is damaged: ${where}: ${what}`);
  }
  return recordingFrom(result.output);
}

function parse(text: string): Record<string, unknown> {
  if (valuesIn(text) > RECORDING.values)
    throw new RecordingFormatError(`this recording is too large: ${beyond(RECORDING.values, "values")}`);
  try {
    const content: unknown = JSON.parse(text);
    if (content && typeof content === "object") return content as Record<string, unknown>;
  } catch {
    throw new RecordingFormatError("this file is damaged or no recording: its content is no JSON");
  }
  throw new RecordingFormatError("this file is no recording of a boot");
}

/** How many values JSON has at most; told without making anything of them. */
function valuesIn(text: string): number {
  let values = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2c || code === 0x5b || code === 0x7b) values++; // , [ {
  }
  return values;
}

function recordingFrom(content: v.InferOutput<typeof file>): Recording {
  const { label, tpm, resumed, at, duration, commands, serial, pcrs, log, accesses } = content;
  const growth: LogGrowth[] = [];
  let end = 0;
  for (const [time, bytes] of log) {
    end += bytes.length;
    growth.push({ time, end });
  }
  const logBytes = new Uint8Array(end);
  for (const [index, [, bytes]] of log.entries()) logBytes.set(bytes, growth[index - 1]?.end ?? 0);
  return {
    tape: {
      label,
      tpm,
      ...(resumed && { resumed }),
      epoch: at,
      start: 0,
      end: duration,
      serial: serial.map(([time, bytes]) => ({ time, bytes })),
      pcrs,
      log: growth,
    },
    commands: commands.map((row, index) => recordOf(row, index + 1, tpm)),
    logBytes,
    accesses,
  };
}

type CommandRow = v.InferOutput<typeof file>["commands"][number];

function recordOf(row: CommandRow, id: number, family: "2.0" | "1.2"): CommandRecord {
  const [startedAt, duration, locality, origin, request, response] = row;
  return { id, startedAt, duration, locality, origin, ...commandFields(family, request, response) };
}
