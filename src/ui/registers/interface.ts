/** Who uses the TPM and in which state, read from the registers as any driver could. */
import { type AccessSize, LOCALITIES, TIS_BASE } from "../../tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../../tis/registers.ts";
import type { InterfaceState } from "../model.ts";

export type Peek = (address: number, size: AccessSize) => number;

const LOCALITY_SIZE = 0x1000;

export function registerAddress(locality: number, offset: number): number {
  return TIS_BASE + locality * LOCALITY_SIZE + offset;
}

/** @param executing what the session says: the registers alone do not tell idle from executing. */
export function interfaceState(peek: Peek, executing: boolean): InterfaceState {
  for (let locality = 0; locality < LOCALITIES; locality++) {
    const access = peek(registerAddress(locality, REGISTERS.ACCESS.offset), 1);
    if ((access & (ACCESS.VALID | ACCESS.ACTIVE_LOCALITY)) !== (ACCESS.VALID | ACCESS.ACTIVE_LOCALITY))
      continue;
    const sts = peek(registerAddress(locality, REGISTERS.STS.offset), 1);
    return { locality, state: stateOf(sts, executing) };
  }
  return { locality: undefined, state: executing ? "execution" : "idle" };
}

function stateOf(sts: number, executing: boolean): InterfaceState["state"] {
  if (executing) return "execution";
  if (sts & STS.DATA_AVAIL) return "completion";
  if (sts & STS.COMMAND_READY) return "ready";
  if (sts & STS.EXPECT) return "reception";
  return "idle";
}
