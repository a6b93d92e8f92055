/** Who uses the TPM, and in which state. */

import type { InterfaceState as CommandState } from "../frontend/port.ts";
import { type AccessSize, LOCALITIES, TIS_BASE } from "../tis/ports.ts";
import { ACCESS, REGISTERS } from "../tis/registers.ts";
import type { InterfaceState } from "./model.ts";

const LOCALITY_SIZE = 0x1000;

export function registerAddress(locality: number, offset: number): number {
  return TIS_BASE + locality * LOCALITY_SIZE + offset;
}

/** What `TpmHandle` has of this. */
export interface Looked {
  peek(address: number, size: AccessSize): number;
  state(locality: number): CommandState;
}

export function interfaceState(tpm: Looked): InterfaceState {
  for (let locality = 0; locality < LOCALITIES; locality++) {
    const access = tpm.peek(registerAddress(locality, REGISTERS.ACCESS.offset), 1);
    if ((access & (ACCESS.VALID | ACCESS.ACTIVE_LOCALITY)) !== (ACCESS.VALID | ACCESS.ACTIVE_LOCALITY))
      continue;
    return { locality, state: tpm.state(locality) };
  }
  return { locality: undefined, state: "idle" };
}
