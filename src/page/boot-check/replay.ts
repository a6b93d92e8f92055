/** Whether the firmware's event log leads to the PCRs that the TPM holds, and if not, at which event it goes wrong. */
import { equalBytes } from "../../protocol/bytes/hex.ts";
import {
  type Bank,
  compareWithPcrs,
  type EventLog,
  eventTypeName,
  type LogDigest,
  type PcrComparison,
  parseEventLog,
  replay,
} from "../../protocol/eventlog/index.ts";
import type { LogDiffers } from "./verdict.ts";

/** An extend that was seen on its way to the TPM. */
interface SeenExtend {
  pcr: number;
  digests: readonly LogDigest[];
}

/** Extends whose digests are kept: twice as many as the event-log area has room for events of a BIOS. */
const MOST_EXTENDS = 4096;

/** The firmware's extends, in their order; of those beyond a few thousand only how many there were. */
export class SeenExtends {
  readonly #kept = new Map<number, SeenExtend[]>();
  readonly #counts = new Map<number, number>();
  #all = 0;

  add({ pcr, digests }: SeenExtend): void {
    this.#counts.set(pcr, this.count(pcr) + 1);
    if (++this.#all > MOST_EXTENDS) return;
    const kept = this.#kept.get(pcr) ?? [];
    this.#kept.set(pcr, kept);
    kept.push({ pcr, digests });
  }

  has(pcr: number): boolean {
    return this.#counts.has(pcr);
  }

  /** How many there were. */
  count(pcr: number): number {
    return this.#counts.get(pcr) ?? 0;
  }

  /** The first ones of a PCR. */
  of(pcr: number): readonly SeenExtend[] {
    return this.#kept.get(pcr) ?? [];
  }
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
 * @param seen the firmware's extends.
 */
export function checkReplay(bytes: Uint8Array, banks: readonly Bank[], seen: SeenExtends): ReplayResult {
  const log = parseEventLog(bytes);
  const rows = compareWithPcrs(replay(log), banks);
  const known = rows.filter(({ result }) => result !== "unknown");
  const wrong = known.find((row) => isWrong(row, seen));
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
function isWrong({ result, pcr }: PcrComparison, seen: SeenExtends): boolean {
  return result === "differs" || (result === "later" && seen.has(pcr));
}

function problemOf({ problems: [problem] }: EventLog): LogDiffers | undefined {
  if (!problem) return undefined;
  return { kind: "log does not replay", reason: `at byte ${problem.offset} of the log: ${problem.message}` };
}

function whereWrong({ pcr, reason }: PcrComparison, log: EventLog, seen: SeenExtends): LogDiffers {
  const events = log.events.filter(
    (event) => event.pcr === pcr && eventTypeName(event.type) !== "EV_NO_ACTION",
  );
  const sent = seen.of(pcr);
  const count = seen.count(pcr);
  const at = events.findIndex(
    (event, i) => i >= count || (sent[i] && !agree(event.digests, sent[i].digests)),
  );
  const event = events[at];
  if (event) {
    const why = sent[at]
      ? `event ${event.index} has another digest than the one that was extended`
      : `event ${event.index} was never extended`;
    return { kind: "log does not replay", pcr, event: event.index, reason: why };
  }
  if (count > events.length) {
    const missing = count - events.length;
    const what = missing === 1 ? "one extend has" : `${missing} extends have`;
    return { kind: "log does not replay", pcr, reason: `${what} no event in the log` };
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
