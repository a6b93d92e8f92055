/**
 * Many small device windows in v86's coarse address map. v86 knows MMIO in blocks of 128 KiB with one set of
 * handlers each; here every block gets a table of 256-byte granules, each naming its device. A read costs one
 * table look-up and one call.
 *
 * v86 delivers 8-bit and 32-bit accesses (a 16-bit one as two of 8 bits), at any alignment, with the address as a
 * signed number. Devices see naturally aligned accesses only: a misaligned 32-bit access is cut into the pieces
 * that an x86 bus (and QEMU) would make of it.
 */

import type { MmioDevice } from "../../device/tis/ports.ts";
import { hexNumber } from "../../protocol/bytes/hex.ts";
import type { MmioWindow } from "../bus.ts";
import type { V86Io } from "./v86-internals.ts";

const BLOCK_BITS = 17;
const BLOCK_SIZE = 1 << BLOCK_BITS;
const GRANULE_BITS = 8;
const GRANULE_SIZE = 1 << GRANULE_BITS;
const GRANULES = BLOCK_SIZE / GRANULE_SIZE;
const ADDRESS_SPACE = 2 ** 32;

/** What answers where no device is: all ones, as on a real bus. */
const NOBODY: MmioDevice = {
  read: (_address, size) => (size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1),
  write() {},
};

/** A window is misplaced, or another device is there already. */
export class MmioWindowError extends RangeError {
  override name = "MmioWindowError";
}

export class MmioMap {
  readonly #io: V86Io;
  readonly #blocks = new Map<number, MmioDevice[]>();
  readonly #windows: MmioWindow[] = [];

  /** @param memorySize bytes of guest RAM, which begins at 0; windows lie above it. */
  constructor(
    io: V86Io,
    readonly memorySize: number,
  ) {
    this.#io = io;
  }

  /**
   * Puts `device` at `window`; base and size in multiples of 256 bytes.
   * @throws {MmioWindowError} for a misaligned, overlapping or impossible window.
   */
  attach(window: MmioWindow, device: MmioDevice): void {
    this.#check(window);
    this.#windows.push(window);
    this.#fill(window, device);
  }

  /** Takes away what `attach` put at exactly this window; its addresses read all ones again. */
  detach(window: MmioWindow): void {
    const at = this.#windows.findIndex((w) => w.base === window.base && w.size === window.size);
    if (at < 0) throw new MmioWindowError(`no device is attached at ${show(window)}`);
    this.#windows.splice(at, 1);
    this.#fill(window, NOBODY);
  }

  #check(window: MmioWindow): void {
    const { base, size } = window;
    const end = base + size;
    if (base % GRANULE_SIZE || size % GRANULE_SIZE || size <= 0) {
      throw new MmioWindowError(`${show(window)} is not in multiples of ${GRANULE_SIZE} bytes`);
    }
    if (base < this.memorySize || end > ADDRESS_SPACE) {
      throw new MmioWindowError(`${show(window)} is not between the end of RAM and 4 GiB`);
    }
    const other = this.#windows.find((w) => base < w.base + w.size && w.base < end);
    if (other) throw new MmioWindowError(`${show(window)} overlaps ${show(other)}`);
  }

  #fill({ base, size }: MmioWindow, device: MmioDevice): void {
    for (let address = base; address < base + size; address += GRANULE_SIZE) {
      const table = this.#block(address >>> BLOCK_BITS);
      table[(address >>> GRANULE_BITS) & (GRANULES - 1)] = device;
    }
  }

  /** The granule table of a block; a new block is registered with v86. */
  #block(number: number): MmioDevice[] {
    const known = this.#blocks.get(number);
    if (known) return known;
    const table: MmioDevice[] = new Array(GRANULES).fill(NOBODY);
    this.#blocks.set(number, table);
    const at = (address: number) => table[(address >>> GRANULE_BITS) & (GRANULES - 1)] as MmioDevice;
    this.#io.mmap_register(
      number * BLOCK_SIZE,
      BLOCK_SIZE,
      (address) => at(address).read(address >>> 0, 1) & 0xff,
      (address, value) => at(address).write(address >>> 0, 1, value & 0xff),
      (address) => (address & 3 ? readSplit(at, address >>> 0) : at(address).read(address >>> 0, 4) | 0),
      (address, value) => {
        if (address & 3) writeSplit(at, address >>> 0, value);
        else at(address).write(address >>> 0, 4, value >>> 0);
      },
    );
    return table;
  }
}

type Lookup = (address: number) => MmioDevice;

/** Odd addresses: byte, word, byte. Others (2 mod 4): two words. */
function readSplit(at: Lookup, address: number): number {
  const device = at(address);
  const last = at(address + 3);
  if (address & 1) {
    const low = device.read(address, 1) | (at(address + 1).read(address + 1, 2) << 8);
    return low | (last.read(address + 3, 1) << 24);
  }
  return device.read(address, 2) | (last.read(address + 2, 2) << 16);
}

function writeSplit(at: Lookup, address: number, value: number): void {
  const device = at(address);
  const last = at(address + 3);
  if (address & 1) {
    device.write(address, 1, value & 0xff);
    at(address + 1).write(address + 1, 2, (value >>> 8) & 0xffff);
    last.write(address + 3, 1, value >>> 24);
  } else {
    device.write(address, 2, value & 0xffff);
    last.write(address + 2, 2, value >>> 16);
  }
}

function show({ base, size }: MmioWindow): string {
  return `window ${hexNumber(base)}-${hexNumber(base + size - 1)}`;
}
