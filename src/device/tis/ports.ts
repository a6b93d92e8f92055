/** What the device looks like from outside; the types are those of every register interface. */
import type { FrontEndSink } from "../frontend/port.ts";

export type { AccessSize, MmioDevice, TpmVersion } from "../frontend/port.ts";

/** What the device asks of its surroundings; `resetEstablishment` after a write of TPM_STS.resetEstablishmentBit. */
export type TisSink = FrontEndSink;

/** Guest-physical base of the TIS window (TCG PC Client TIS 1.3, section 9). */
export const TIS_BASE = 0xfed4_0000;
/** Five localities of 4 KiB. */
export const TIS_SIZE = 0x5000;
export const LOCALITIES = 5;
/** The largest command or response, in bytes; what QEMU and swtpm agree on. */
export const TIS_BUFFER_SIZE = 4096;
