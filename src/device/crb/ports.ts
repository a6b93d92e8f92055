/** What the device looks like from outside; the types are those of every register interface. */
export type { AccessSize, FrontEndSink, MmioDevice, TpmVersion } from "../frontend/port.ts";

/** Guest-physical base of the CRB window (PTP 1.05, section 6.5.3): where the FIFO interface would be. */
export const CRB_BASE = 0xfed4_0000;
/** Five localities of 4 KiB. */
export const CRB_SIZE = 0x5000;
export const LOCALITY_SIZE = 0x1000;
export const LOCALITIES = 5;
/** What software cannot have: its registers are the processor's, for a dynamic launch. */
export const HARDWARE_LOCALITY = 4;
/** Bytes of the data buffer: all that is left of a locality's page. */
export const CRB_DATA_BYTES = 0xf80;
/** The largest command or response in bytes where both go through the data buffer in chunks. */
export const CRB_PACKET_BYTES = 8192;
