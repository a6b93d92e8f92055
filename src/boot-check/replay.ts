/** Whether the firmware's event log leads to the PCRs that the TPM holds, and if not, at which event it goes wrong. */
import { equalBytes } from "../bytes/hex.ts";
import {
  type Bank,
  compareWithPcrs,
  type EventLog,
  eventTypeName,
  type LogDigest,
  type PcrComparison,
  parseEventLog,
  replay,
} from "../eventlog/index.ts";
import type { LogDiffers } from "./verdict.ts";

/** An extend that was seen on its way to the TPM. */
export interface SeenExtend {
  pcr: number;
  digests: readonly LogDigest[];
}

export interface ReplayResult {
  log: EventLog;
  /** Undefined when everything agrees. */
  differs?: LogDiffers;
  /** PCRs that the log explains in every bank, in ascending order. */
  explained: number[];
  /** Banks that were compared. */
  banks: string[];
}

/**
 * @param banks what the TPM holds.
 * @param seen the firmware's extends, in their order.
 */
export function checkReplay(
  bytes: Uint8Array,
  banks: readonly Bank[],
  seen: readonly SeenExtend[],
): ReplayResult {
  const log = parseEventLog(bytes);
  const rows = compareWithPcrs(replay(log), banks);
  const measured = new Set(seen.map(({ pcr }) => pcr));
  const known = rows.filter(({ result }) => result !== "unknown");
  const wrong = known.find((row) => isWrong(row, measured));
  const pcrs = [...new Set(known.filter(({ result }) => result === "explained").map(({ pcr }) => pcr))];
  const differs = problemOf(log) ?? (wrong && whereWrong(wrong, log, seen));
  return {
    log,
    ...(differs && { differs }),
    explained: pcrs.sort((a, b) => a - b),
    banks: [...new Set(known.map(({ algorithm }) => algorithm))],
  };
}

/** A PCR that the firmware extended must be in its log; others belong to the system, which has lists of its own. */
function isWrong({ result, pcr }: PcrComparison, measured: ReadonlySet<number>): boolean {
  return result === "differs" || (result === "later" && measured.has(pcr));
}

function problemOf({ problems: [problem] }: EventLog): LogDiffers | undefined {
  if (!problem) return undefined;
  return { kind: "log does not replay", reason: `at byte ${problem.offset} of the log: ${problem.message}` };
}

function whereWrong({ pcr, reason }: PcrComparison, log: EventLog, seen: readonly SeenExtend[]): LogDiffers {
  const events = log.events.filter(
    (event) => event.pcr === pcr && eventTypeName(event.type) !== "EV_NO_ACTION",
  );
  const sent = seen.filter((one) => one.pcr === pcr);
  const at = events.findIndex((event, i) => !sent[i] || !agree(event.digests, sent[i].digests));
  const event = events[at];
  if (event) {
    const why = sent[at]
      ? `event ${event.index} has another digest than the one that was extended`
      : `event ${event.index} was never extended`;
    return { kind: "log does not replay", pcr, event: event.index, reason: why };
  }
  if (sent.length > events.length) {
    const missing = sent.length - events.length;
    const count = missing === 1 ? "one extend has" : `${missing} extends have`;
    return { kind: "log does not replay", pcr, reason: `${count} no event in the log` };
  }
  return { kind: "log does not replay", pcr, reason };
}

/** Of the banks that both have. */
function agree(a: readonly LogDigest[], b: readonly LogDigest[]): boolean {
  return a.every(({ algorithm, digest }) => {
    const other = b.find((one) => one.algorithm === algorithm);
    return !other || equalBytes(digest, other.digest);
  });
}
