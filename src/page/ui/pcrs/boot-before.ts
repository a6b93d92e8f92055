/** Which PCRs are not as they were at the end of the boot before: of those of which this boot can say so by now. */
import { equalBytes } from "../../../protocol/bytes/hex.ts";
import type { EventLog } from "../../../protocol/eventlog/index.ts";
import { initialPcr } from "../../../protocol/eventlog/replay.ts";
import type { BootTape } from "../../../session/recording/index.ts";
import type { PcrBank } from "../../../session/types.ts";
import { seenExtends } from "../../model/chains.ts";
import type { PageState } from "../../model/model.ts";
import { phasesOf } from "../timeline/phases.ts";

/** @returns their indexes; undefined with no boot to compare, or none to compare with. */
export function changedSinceBefore(
  state: Readonly<PageState>,
  { algorithm, values }: PcrBank,
): number[] | undefined {
  const { previous, tape, log } = state;
  const before = previous?.pcrs.find((bank) => bank.algorithm === algorithm)?.values;
  if (!before || !tape) return undefined;
  const different = [...values.keys()].filter((pcr) => {
    const was = before[pcr];
    return was && !equalBytes(was, values[pcr]!);
  });
  const measured = different.filter((pcr) => isMeasured(previous.log, log?.log, pcr, values[pcr]!));
  // The phases are read off the console's output: only where they make a difference, and once.
  return measured.length === different.length || !hasLeftKernel(state, tape) ? measured : different;
}

/** Whether this boot has measured into a PCR what the one before did: until then it differs for want of time. */
function isMeasured(before: EventLog, now: EventLog | undefined, pcr: number, value: Uint8Array): boolean {
  const events = (log: EventLog | undefined) => log?.events.filter((event) => event.pcr === pcr).length ?? 0;
  return events(now) >= events(before) && !equalBytes(value, initialPcr(pcr, value.length));
}

/** From there on nothing more is measured than what programs do by themselves. */
function hasLeftKernel(state: Readonly<PageState>, tape: BootTape): boolean {
  const phases = phasesOf(tape, seenExtends(state), Number.POSITIVE_INFINITY);
  return phases.some(({ name }) => name === "init" || name === "shell");
}
