/** Commands that the reader has composed here. They go through the registers as the guest's do. */
import type { CommandRecord } from "../../session/types.ts";

const composed = new WeakSet<CommandRecord>();

export function markComposed(record: CommandRecord): void {
  composed.add(record);
}

/** Whether the page or its reader sent it, and no guest. */
export function isFromPage(record: CommandRecord): boolean {
  return record.origin === "page" || composed.has(record);
}
