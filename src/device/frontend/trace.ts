/** What a device tells those who watch it: which access moved which locality from which state to which. */
import type { AccessSize, InterfaceState } from "./port.ts";

/** The guest's access during which something happened. */
export interface TracedAccess {
  address: number;
  size: AccessSize;
  /** What was written; `undefined` for a read. */
  value: number | undefined;
}

/** A locality's command interface moved from state to state (or stayed, as a row of its table of transitions says). */
export interface StateTrace<Event extends string = string> {
  kind: "state";
  locality: number;
  event: Event;
  from: InterfaceState;
  to: InterfaceState;
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

export type FrontEndTrace<Event extends string = string> = StateTrace<Event> | OwnerTrace | ResetTrace;
