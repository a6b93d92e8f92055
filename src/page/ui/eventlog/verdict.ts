/** What a replay of the log says about the TPM's PCRs, in sentences. */

import { toHex } from "../../../protocol/bytes/hex.ts";
import {
  type EventLog,
  type LogDifference,
  type LogEvent,
  type PcrComparison,
  type ReplayedBank,
  registerName,
} from "../../../protocol/eventlog/index.ts";
import { numbers } from "../../boot-check/words.ts";

export interface Verdict {
  tone: "good" | "bad" | "plain";
  text: string;
  /** One line for each PCR that the log does not explain. */
  lines: string[];
}

/** Of one bank. @param events how many events the log has. */
export function replayVerdict(comparison: readonly PcrComparison[], bank: string): Verdict {
  const rows = comparison.filter(({ algorithm }) => algorithm === bank);
  const of = (result: PcrComparison["result"]) => rows.filter((row) => row.result === result);
  const differs = of("differs");
  const explained = of("explained");
  const later = of("later");
  const lines = [...differs, ...later].map(({ pcr, reason }) => `PCR ${pcr}: ${reason}.`);
  if (differs.length) {
    const pcrs = numbers(differs.map(({ pcr }) => pcr));
    return { tone: "bad", text: `The log does not lead to the TPM's ${bank} values of PCR ${pcrs}.`, lines };
  }
  if (explained.length) {
    const pcrs = numbers(explained.map(({ pcr }) => pcr));
    return {
      tone: "good",
      text: `Replayed, the log gives exactly the TPM's ${bank} values of PCR ${pcrs}.`,
      lines,
    };
  }
  const unknown = of("unknown");
  if (unknown.some(({ replayed }) => replayed))
    return {
      tone: "plain",
      text: `There is no TPM here with ${bank} values to compare the log with.`,
      lines: [],
    };
  if (unknown.length) return { tone: "plain", text: `The log has no ${bank} digests to replay.`, lines: [] };
  return { tone: "plain", text: "Nothing to compare yet.", lines };
}

/** Of a log whose registers are not a TPM's: what they must hold, to be compared with a report of that machine. */
export function rtmrVerdict(banks: readonly ReplayedBank[]): Verdict {
  const text =
    "The log of a confidential VM: its registers (RTMRs) are the processor's, so that no TPM has their values. A report of that VM must show these:";
  const lines = banks.flatMap(({ extended, values, registers }) =>
    extended
      .filter((index) => index > 0)
      .map((index) => `${registerName(registers, index)}: ${toHex(values[index] as Uint8Array)}`),
  );
  return { tone: "plain", text, lines };
}

/** The first of many lines, and how many more there are. */
export function firstLines(lines: readonly string[], most: number): string[] {
  const more = lines.length - most;
  return more > 0 ? [...lines.slice(0, most), `and ${more} more.`] : [...lines];
}

/** The comparison with the boot before, in a sentence. */
export function bootVerdict(differences: readonly LogDifference[]): string {
  const changed = differences.filter(({ kind }) => kind !== "same").length;
  if (!changed) return "The same events as in the boot before.";
  return `${changed} event${changed === 1 ? " differs" : "s differ"} from the boot before:`;
}

/** One line of the list of events: with a boot to compare with, removed events stand where they were. */
export interface EventRow {
  event: LogEvent;
  kind: LogDifference["kind"];
  reason: string;
  /** The event that it was in the boot before. */
  before?: LogEvent | undefined;
}

/** The first rows. @param most how many. */
export function eventRows(
  log: EventLog,
  differences: readonly LogDifference[] | undefined,
  most: number,
): EventRow[] {
  if (!differences) return log.events.slice(0, most).map((event) => ({ event, kind: "same", reason: "" }));
  return differences.slice(0, most).map(({ kind, a, b, reason }) => ({
    event: (b ?? a) as LogEvent,
    kind,
    reason,
    before: kind === "changed" ? a : undefined,
  }));
}
