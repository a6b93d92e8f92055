/** Pieces of accesses, as buses cut them. */
import type { AccessSize } from "./port.ts";

/** The largest naturally aligned access, of at most `size` bytes, at an address: how a bus cuts a misaligned one. */
export function alignedSize(address: number, size: number): AccessSize {
  if ((address & 1) !== 0 || size === 1) return 1;
  return (address & 2) !== 0 || size < 4 ? 2 : 4;
}

/** The low `size` bytes, unsigned. */
export function lowBytes(value: number, size: number): number {
  return size === 4 ? value >>> 0 : value & (size === 1 ? 0xff : 0xffff);
}
