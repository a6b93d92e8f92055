/** Who uses the TPM, and in which state. */
import type { InterfaceState as CommandState } from "../../device/frontend/port.ts";
import { INTERFACES } from "../../device/interfaces/interfaces.ts";
import type { InterfaceState } from "./model.ts";

const LOCALITY_SIZE = 0x1000;
/** Every interface is there. */
const { base: BASE } = INTERFACES.TIS.frontEnd.window;

export function registerAddress(locality: number, offset: number): number {
  return BASE + locality * LOCALITY_SIZE + offset;
}

/** What `TpmHandle` has of this. */
export interface Looked {
  readonly activeLocality: number;
  state(locality: number): CommandState;
}

export function interfaceState(tpm: Looked): InterfaceState {
  const { activeLocality: locality } = tpm;
  return locality < 0 ? { locality: undefined, state: "idle" } : { locality, state: tpm.state(locality) };
}
