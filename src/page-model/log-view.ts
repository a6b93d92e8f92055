/** An event log as the views show it. */
import { compareLogs, compareWithPcrs, parseEventLog, replay } from "../eventlog/index.ts";
import type { PcrBank } from "../session/types.ts";
import type { LogView, PreviousBoot } from "./model.ts";

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
