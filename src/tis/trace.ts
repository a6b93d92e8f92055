/** What the device tells those who watch it: which access moved which locality from which state to which. */
import type { AccessSize } from "./ports.ts";
import type { TisEvent, TisState } from "./states.ts";

/** The guest's access during which something happened. */
export interface TracedAccess {
  address: number;
  size: AccessSize;
  /** What was written; `undefined` for a read. */
  value: number | undefined;
}

/** A locality's command interface moved from state to state (or stayed, as a row of `TRANSITIONS` says). */
export interface StateTrace {
  kind: "state";
  locality: number;
  event: TisEvent;
  from: TisState;
  to: TisState;
  /** `undefined` when no access caused it, but the TPM's answer. */
  access: TracedAccess | undefined;
}

/** The TPM went from one locality to another. */
export interface OwnerTrace {
  kind: "owner";
  /** -1 stands for none. */
  from: number;
  to: number;
  /** Taken by a higher locality. */
  seized: boolean;
  access: TracedAccess | undefined;
}

/** A power cycle, or the beginning or end of failure mode: every locality is idle, and nobody has the TPM. */
export interface ResetTrace {
  kind: "reset";
}

export type TisTrace = StateTrace | OwnerTrace | ResetTrace;
