/** An event log as the views show it. */
import {
  compareLogs,
  compareWithPcrs,
  type EventLog,
  type LogDifference,
  type PcrComparison,
  parseEventLog,
  type ReplayedBank,
  replay,
} from "../../protocol/eventlog/index.ts";
import type { PcrBank } from "../../session/types.ts";
import type { PreviousBoot } from "./model.ts";

/** A boot's log with what follows from it. */
export interface LogView {
  /** The log itself, as it stood. */
  bytes: Uint8Array;
  log: EventLog;
  banks: ReplayedBank[];
  comparison: PcrComparison[];
  /** Against the boot before; undefined when there was none. */
  differences?: LogDifference[] | undefined;
}

/** A log with its replay, compared with PCRs and with the boot before. */
export function logView(bytes: Uint8Array, pcrs: readonly PcrBank[], previous?: PreviousBoot): LogView {
  const log = parseEventLog(bytes);
  const banks = replay(log);
  return {
    bytes,
    log,
    banks,
    comparison: compareWithPcrs(banks, pcrs),
    ...(previous && { differences: compareLogs(previous.log, log) }),
  };
}
