/**
 * A dynamic launch: what a processor does at locality 4 when it begins a dynamic root of trust for measurement (DRTM;
 * Intel's SENTER, AMD's SKINIT). The bytes that it writes between TPM_HASH_START and TPM_HASH_END are measured into PCR
 * 17. It takes the TPM for that time, which it can have only when no other locality has it; elsewhere, and without a
 * start, these writes change nothing.
 *
 * Source: PTP 1.05 and TIS 1.3, "TPM_HASH_START", "TPM_HASH_DATA", "TPM_HASH_END". On a PC the chipset lets through only
 * what the processor's microcode writes there; here no chipset is between the guest and locality 4.
 */
import type { MmioDevice } from "../frontend/port.ts";
import type { TisCore } from "./core.ts";
import { NONE, WORD } from "./layout.ts";
import { writeAccess } from "./locality.ts";
import { type AccessSize, TIS_BASE } from "./ports.ts";
import { ACCESS, LAUNCH_REGISTERS, REGISTERS, STS } from "./registers.ts";

/** The processor's own; what software writes to its other registers is ignored. */
export const HARDWARE_LOCALITY = 4;

const { HASH_START, HASH_DATA, HASH_END } = LAUNCH_REGISTERS;

/** A write to locality 4. @param at offset in the window. */
export function writeHardware(core: TisCore, at: number, size: AccessSize, written: number): void {
  const register = at & 0xffc;
  const value = register === REGISTERS.STS.offset ? written << ((at & 3) << 3) : written;
  const active = core.words[WORD.ACTIVE]!;
  const launching = active === HARDWARE_LOCALITY;
  if (register === HASH_START.offset) {
    if (active === NONE && core.executing() === NONE)
      writeAccess(core, HARDWARE_LOCALITY, ACCESS.REQUEST_USE);
    else if (!launching) return;
    core.launch({ kind: "start" });
  } else if (!launching) return;
  else if (register === REGISTERS.STS.offset) {
    if (!core.isTpm12 && value & STS.RESET_ESTABLISHMENT) core.resetEstablishment(HARDWARE_LOCALITY);
  } else if (register === HASH_DATA.offset) {
    const bytes = Uint8Array.from({ length: size }, (_, i) => value >>> (8 * i));
    core.launch({ kind: "data", bytes });
  } else if (register === HASH_END.offset) {
    core.launch({ kind: "end" });
    writeAccess(core, HARDWARE_LOCALITY, ACCESS.ACTIVE_LOCALITY);
  }
}

/** Plays the processor, for a launch by hand: measures `data`, byte by byte, if no locality has the TPM. */
export function launch(device: Pick<MmioDevice, "write">, data: Uint8Array): void {
  const at = ({ offset }: { offset: number }) => TIS_BASE + HARDWARE_LOCALITY * 0x1000 + offset;
  device.write(at(HASH_START), 1, 1);
  for (const byte of data) device.write(at(HASH_DATA), 1, byte);
  device.write(at(HASH_END), 1, 1);
}
