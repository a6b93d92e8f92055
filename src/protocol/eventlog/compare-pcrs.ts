/** Compares the PCRs that a replayed log gives with the ones that the TPM holds. */
import { equalBytes } from "../bytes/hex.ts";
import { byPcr } from "./by-pcr.ts";
import type { Bank, LogEvent } from "./log.ts";
import { initialPcr, type ReplayedBank, type ReplayStep } from "./replay.ts";

export interface PcrComparison {
  /** Lower-case algorithm name of the bank. */
  algorithm: string;
  pcr: number;
  /** Undefined when the log has no such bank. */
  replayed?: Uint8Array;
  /** Undefined when the TPM has no such bank. */
  real?: Uint8Array;
  /**
   * `explained`: the log gives just this value. `unused`: as after power-on, and the log says nothing else.
   * `later`: the log says nothing of this PCR, something extended it all the same. `differs`: log and TPM disagree.
   * `unknown`: one side has no such bank, or the log is not one of PCRs.
   */
  result: "explained" | "unused" | "later" | "differs" | "unknown";
  /** In words. */
  reason: string;
  /** The last event whose effect the TPM's value shows, when the TPM stopped short of the log. */
  lastSeen?: LogEvent | undefined;
}

/** Compares every PCR of every bank that either side has, by bank and index. */
export function compareWithPcrs(replayed: readonly ReplayedBank[], real: readonly Bank[]): PcrComparison[] {
  const names = [...new Set([...real, ...replayed].map(({ algorithm }) => algorithm))];
  return names.flatMap((algorithm) => {
    const ours = replayed.find((bank) => bank.algorithm === algorithm);
    const theirs = real.find((bank) => bank.algorithm === algorithm);
    const count = Math.max(ours?.values.length ?? 0, theirs?.values.length ?? 0);
    const steps = byPcr(ours?.steps ?? []);
    return Array.from({ length: count }, (_, pcr) =>
      comparePcr(algorithm, pcr, steps.get(pcr) ?? [], ours, theirs),
    );
  });
}

function comparePcr(
  algorithm: string,
  pcr: number,
  steps: ReplayStep[],
  ours: ReplayedBank | undefined,
  theirs: Bank | undefined,
): PcrComparison {
  const replayed = ours?.values[pcr];
  const real = theirs?.values[pcr];
  const sides = { algorithm, pcr, ...(replayed && { replayed }), ...(real && { real }) };
  if (ours?.registers === "RTMR")
    return {
      ...sides,
      result: "unknown",
      reason: "the log is of a confidential VM's registers, not of PCRs",
    };
  if (!ours || !replayed)
    return { ...sides, result: "unknown", reason: `the log has no ${algorithm} digests` };
  if (!theirs || !real) return { ...sides, result: "unknown", reason: `the TPM has no ${algorithm} bank` };
  return { ...sides, ...judge(steps, replayed, real, pcr) };
}

function judge(steps: ReplayStep[], replayed: Uint8Array, real: Uint8Array, pcr: number) {
  const equal = equalBytes(replayed, real);
  const events = `${steps.length} event${steps.length === 1 ? "" : "s"}`;
  if (equal && steps.length)
    return { result: "explained" as const, reason: `${events} of the log give this value` };
  if (equal) return { result: "unused" as const, reason: "nothing was extended" };
  if (!steps.length) {
    const reason = equalBytes(real, new Uint8Array(real.length))
      ? "reset since power-on; the log has no event of it"
      : "extended after the firmware's log: the log has no event of it";
    return { result: "later" as const, reason };
  }
  return { result: "differs" as const, ...whyDifferent(steps, real, pcr) };
}

/** A TPM's value that occurs on the way shows which events never reached the TPM. */
function whyDifferent(steps: ReplayStep[], real: Uint8Array, pcr: number) {
  const seen = steps.findIndex((step) => equalBytes(step.after, real));
  if (seen >= 0) {
    const next = steps[seen + 1]?.event.index;
    return {
      reason: `the TPM's value is the one after event ${steps[seen]?.event.index}: event ${next} and those after it are in the log, but were not extended`,
      lastSeen: steps[seen]?.event,
    };
  }
  if (equalBytes(real, initialPcr(pcr, real.length))) {
    return { reason: "the TPM's value is the one after power-on: the events of the log were not extended" };
  }
  return {
    reason:
      "the log does not lead to the TPM's value: an event was changed, left out or added, or something extended the PCR without an event",
  };
}
