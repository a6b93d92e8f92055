/**
 * The file of a recording: JSON, gzipped by file.ts; its name ends in `.webtpm`.
 *
 * | member     | what                                                                                              |
 * | ---------- | ------------------------------------------------------------------------------------------------- |
 * | `format`   | "webtpm-recording"                                                                                |
 * | `version`  | 1; counts up when a reader of the version before could no longer read it                          |
 * | `label`    | what booted, in words                                                                             |
 * | `tpm`      | "2.0" or "1.2"                                                                                    |
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
import { equalBytes, toHex } from "../bytes/hex.ts";
import type { CommandRecord, PcrBank } from "../session/types.ts";
import { commandName, responseCodeName } from "../tpm2/names.ts";
import { commandCode, responseCode } from "../tpm2/parse.ts";
import { accessRows, rowOf } from "./access-rows.ts";
import { hex, round, time } from "./fields.ts";
import type { LogGrowth, PcrSnapshot, Recording } from "./recording.ts";

const FORMAT = "webtpm-recording";
const VERSION = 1;

/** A file that is no recording, is damaged, or is newer than this page. */
export class RecordingFormatError extends Error {
  override readonly name = "RecordingFormatError";
}

const file = v.object({
  label: v.string(),
  tpm: v.picklist(["2.0", "1.2"]),
  at: v.number(),
  duration: time,
  commands: v.array(
    v.tuple([
      time,
      time,
      v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(4)),
      v.picklist(["guest", "page"]),
      hex,
      v.nullable(hex),
    ]),
  ),
  serial: v.array(v.tuple([time, hex])),
  pcrs: v.array(
    v.tuple([time, v.string(), v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(23)), hex]),
  ),
  log: v.array(v.tuple([time, hex])),
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
    pcrs: changesOf(tape.pcrs),
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
      `this recording has format version ${String(content.version)}, and this page knows version ${VERSION} only: open it with a newer page`,
    );
  const result = v.safeParse(file, content);
  if (!result.success) {
    const [issue] = result.issues;
    throw new RecordingFormatError(
      `this recording is damaged: ${v.getDotPath(issue) ?? "its content"}: ${issue.message}`,
    );
  }
  return recordingFrom(result.output);
}

function parse(text: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(text);
    if (content && typeof content === "object") return content as Record<string, unknown>;
  } catch {
    throw new RecordingFormatError("this file is damaged or no recording: its content is no JSON");
  }
  throw new RecordingFormatError("this file is no recording of a boot");
}

function recordingFrom(content: v.InferOutput<typeof file>): Recording {
  const { label, tpm, at, duration, commands, serial, pcrs, log, accesses } = content;
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
      epoch: at,
      start: 0,
      end: duration,
      serial: serial.map(([time, bytes]) => ({ time, bytes })),
      pcrs: snapshotsOf(pcrs),
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
  const code = commandCode(request) ?? 0;
  const result = response ? responseCode(response) : undefined;
  return {
    id,
    startedAt,
    duration,
    locality,
    origin,
    code,
    name: commandName(code, family),
    request,
    ...(response && { response }),
    ...(result !== undefined && { responseCode: result, responseName: responseCodeName(result, family) }),
  };
}

type PcrRow = [time: number, algorithm: string, pcr: number, value: string];

/** The values that are not as in the snapshot before. */
function changesOf(snapshots: readonly PcrSnapshot[]): PcrRow[] {
  let before: readonly PcrBank[] = [];
  return snapshots.flatMap(({ time, banks }) => {
    const rows = banks.flatMap(({ algorithm, values }) => {
      const old = before.find((bank) => bank.algorithm === algorithm)?.values;
      return values.flatMap((value, pcr): PcrRow[] =>
        old?.[pcr] && equalBytes(old[pcr], value) ? [] : [[round(time), algorithm, pcr, toHex(value)]],
      );
    });
    before = banks;
    return rows;
  });
}

function snapshotsOf(rows: readonly (readonly [number, string, number, Uint8Array])[]): PcrSnapshot[] {
  const snapshots: PcrSnapshot[] = [];
  for (const [time, algorithm, pcr, value] of rows) {
    const last = snapshots.at(-1);
    let snapshot = last;
    if (!snapshot || snapshot.time !== time) {
      const banks = (last?.banks ?? []).map((bank) => ({ ...bank, values: [...bank.values] }));
      snapshot = { time, banks };
      snapshots.push(snapshot);
    }
    const bank = snapshot.banks.find((one) => one.algorithm === algorithm);
    if (bank) bank.values[pcr] = value;
    else snapshot.banks.push({ algorithm, values: sparse(pcr, value) });
  }
  return snapshots;
}

function sparse(pcr: number, value: Uint8Array): Uint8Array[] {
  const values = Array.from({ length: pcr }, () => new Uint8Array(value.length));
  return [...values, value];
}
