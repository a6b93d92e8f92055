/** Sends a command through the registers of any locality, as a reader would in the driver panel, only quicker. */

import { ACCESS, BURST_COUNT_SHIFT, REGISTERS, type RegisterKey, STS } from "../../device/tis/registers.ts";
import type { TpmHandle } from "../../session/types.ts";
import { registerAddress } from "../model/interface.ts";

/** The TPM did not do what a driver waits for. */
export class HandError extends Error {
  override readonly name = "HandError";
}

const LOOK_MS = 10;
const PATIENCE_MS = 30_000;

/** Takes the TPM for the locality, runs the command, and gives the TPM back. @throws {HandError} */
export async function sendByHand(handle: TpmHandle, locality: number, command: Uint8Array): Promise<void> {
  const at = (register: RegisterKey) => registerAddress(locality, REGISTERS[register].offset);
  const sts = () => handle.read(at("STS"), 4);
  const until = async (what: string, reached: () => boolean) => {
    const end = performance.now() + PATIENCE_MS;
    while (!reached()) {
      if (performance.now() > end)
        throw new HandError(`the TPM did not come to ${what} at locality ${locality}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  handle.write(at("ACCESS"), 1, ACCESS.REQUEST_USE);
  await until("activeLocality", () => (handle.read(at("ACCESS"), 1) & ACCESS.ACTIVE_LOCALITY) !== 0);
  handle.write(at("STS"), 4, STS.COMMAND_READY);
  await until("commandReady", () => (sts() & STS.COMMAND_READY) !== 0);
  for (const byte of command) handle.write(at("DATA_FIFO"), 1, byte);
  handle.write(at("STS"), 4, STS.TPM_GO);
  await until("dataAvail", () => (sts() & STS.DATA_AVAIL) !== 0);
  for (let word = sts(); word & STS.DATA_AVAIL; word = sts()) {
    const burst = (word & STS.BURST_COUNT) >>> BURST_COUNT_SHIFT;
    for (let i = 0; i < burst; i++) handle.read(at("DATA_FIFO"), 1);
  }
  handle.write(at("ACCESS"), 1, ACCESS.ACTIVE_LOCALITY);
}

/** One write to a locality's TPM_ACCESS. */
export function writeAccess(handle: TpmHandle, locality: number, value: number): void {
  handle.write(registerAddress(locality, REGISTERS.ACCESS.offset), 1, value);
}
