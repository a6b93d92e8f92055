/** All that is read from a file with an event log, in one call: for a worker, with progress and cancel. */
import type { Progress } from "./limits.ts";
import type { EventLog } from "./log.ts";
import { parseEventLog } from "./parse.ts";
import { type ReplayedBank, replay } from "./replay.ts";

export interface ReadLog {
  log: EventLog;
  banks: ReplayedBank[];
}

/**
 * Parses and replays a log. Takes plain bytes, gives plain data (it can be posted between threads), and throws nothing
 * of its own: only what `progress` throws, to cancel.
 * @param progress told thousandths of the work.
 */
export function readEventLog(bytes: Uint8Array, progress?: Progress): ReadLog {
  // Parsing takes about a tenth of the time, hashing the rest.
  const part = (from: number, share: number): Progress => {
    return (done, total) => progress?.(Math.round(from + (share * done) / (total || 1)), 1000);
  };
  const log = parseEventLog(bytes, part(0, 100));
  const banks = replay(log, part(100, 900));
  progress?.(1000, 1000);
  return { log, banks };
}
