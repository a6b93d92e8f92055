/** Which PCRs are not as they were at the end of the boot before: of those of which this boot can say so by now. */
import { equalBytes } from "../../bytes/hex.ts";
import type { EventLog } from "../../eventlog/index.ts";
import { initialPcr } from "../../eventlog/replay.ts";
import type { PcrBank } from "../../session/types.ts";
import type { PageState } from "../model.ts";
import { phasesOf } from "../timeline/phases.ts";
import { seenExtends } from "./chains.ts";

/** @returns their indexes; undefined with no boot to compare, or none to compare with. */
export function changedSinceBefore(
  state: Readonly<PageState>,
  { algorithm, values }: PcrBank,
): number[] | undefined {
  const { previous, tape } = state;
  const before = previous?.pcrs.find((bank) => bank.algorithm === algorithm)?.values;
  if (!before || !tape) return undefined;
  return values.flatMap((value, pcr) => {
    const was = before[pcr];
    return was && !equalBytes(was, value) && isThrough(state, previous.log, pcr, value) ? [pcr] : [];
  });
}

/** Whether what this boot extends into a PCR has been extended: until then it differs for want of time. */
function isThrough(state: Readonly<PageState>, before: EventLog, pcr: number, value: Uint8Array): boolean {
  const events = ({ events }: Pick<EventLog, "events">) => events.filter((event) => event.pcr === pcr).length;
  if (events(state.log?.log ?? { events: [] }) < events(before)) return hasLeftKernel(state);
  return !equalBytes(value, initialPcr(pcr, value.length)) || hasLeftKernel(state);
}

function hasLeftKernel(state: Readonly<PageState>): boolean {
  if (!state.tape) return false;
  const phases = phasesOf(state.tape, seenExtends(state), Number.POSITIVE_INFINITY);
  return phases.some(({ name }) => name === "init" || name === "shell");
}
