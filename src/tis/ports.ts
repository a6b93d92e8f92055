/**
 * What the device looks like from outside: the bus side (`MmioDevice`), and the few things it asks of the world
 * (`TisSink`). Everything that carries the device to another thread, process or machine speaks these types only.
 */

/** Guest-physical base of the TIS window (TCG PC Client TIS 1.3, section 9). */
export const TIS_BASE = 0xfed4_0000;
/** Five localities of 4 KiB. */
export const TIS_SIZE = 0x5000;
export const LOCALITIES = 5;
/** The largest command or response, in bytes; what QEMU and swtpm agree on. */
export const TIS_BUFFER_SIZE = 4096;

/** `unspecified` is the failure mode: no usable TPM, so firmware gets no table and every register reads 0. */
export type TpmVersion = "2.0" | "1.2" | "unspecified";

/** Access width in bytes. */
export type AccessSize = 1 | 2 | 4;

/** Anything that answers memory accesses in its own address window; never throws at a guest's doing. */
export interface MmioDevice {
  /** @returns the value read, unsigned, in the low `size` bytes. */
  read(address: number, size: AccessSize): number;
  /** @param value only its low `size` bytes count. */
  write(address: number, size: AccessSize, value: number): void;
}

/** What the device asks of its surroundings. All calls are synchronous, made from within `read`, `write` or an inlet. */
export interface TisSink {
  /**
   * A whole, well-formed command is to be run by the TPM at `locality`. Answered by `TisDevice.complete(response)`
   * later (or at once). Never called again before that answer.
   */
  execute(locality: number, command: Uint8Array): void;
  /** The guest wants the running command cancelled; its answer is still due. */
  cancel(): void;
  /** TPM_STS.resetEstablishmentBit was written at `locality` (3 or 4). */
  resetEstablishment(locality: number): void;
  /** The interrupt line's level changed. */
  irq(raised: boolean): void;
}
