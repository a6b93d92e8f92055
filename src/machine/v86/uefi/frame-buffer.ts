/**
 * The graphics card as edk2's driver (OvmfPkg/QemuVideoDxe) uses it. It writes the VBE data register at port 0x1D0,
 * where QEMU has it besides 0x1CF; and the firmware places the frame buffer where it likes, while v86's stays at
 * 0xE0000000: accesses to the one are passed on to the other.
 */
import type { V86Io } from "../v86-internals.ts";
import { functionOf, type PciBus, registerOf } from "./pci-repairs.ts";

const VBE_DATA = 0x1d0;
const VGA = 0x12 << 3;
/** Base address register 0, and the bit that says that the memory may be prefetched. */
const BAR0 = 0x10;
const PREFETCHABLE = 8;
/** v86 maps memory in blocks of this size. */
const BLOCK = 1 << 17;
/** Where v86 has its frame buffer. */
const V86_FRAME_BUFFER = 0xe000_0000;

/** `emulator.v86.cpu.devices.vga`. */
export interface VgaDevice {
  svga_memory: Uint8Array;
  port1CF_read(): number;
  port1CF_write(value: number): void;
}

/** v86's accesses to physical memory; those to its frame buffer note what has to be drawn. */
interface PhysicalMemory {
  read8(address: number): number;
  read32s(address: number): number;
  write8(address: number, value: number): void;
  write32(address: number, value: number): void;
}

interface Machine {
  io: V86Io;
  devices: { pci: PciBus; vga: VgaDevice };
  wm: { exports: object };
}

/** To be called once per machine, before it runs. */
export function repairFrameBuffer({ io, devices: { pci, vga }, wm }: Machine): FrameBuffer {
  io.register_read(VBE_DATA, vga, undefined, vga.port1CF_read);
  io.register_write(VBE_DATA, vga, undefined, vga.port1CF_write);
  const buffer = new FrameBuffer(io, wm.exports as PhysicalMemory, vga.svga_memory.length);
  const write = pci.pci_write32;
  pci.pci_write32 = (address, value) => {
    write.call(pci, address, value);
    const base = (value & ~0xf) >>> 0;
    if (functionOf(address) !== VGA || registerOf(address) !== BAR0 || !isPlace(base, buffer.size)) return;
    // v86 keeps to its own address there.
    const space = pci.device_spaces[VGA];
    if (space) space[BAR0 >> 2] = base | PREFETCHABLE;
    buffer.moveTo(base);
  };
  return buffer;
}

/** Whether a BAR's value is an address, and not the question for its size. */
const isPlace = (base: number, size: number) =>
  base !== 0 && base % BLOCK === 0 && base + size <= 2 ** 32 - BLOCK;

/** The addresses at which the guest sees the frame buffer, besides v86's own. */
export class FrameBuffer {
  readonly size: number;
  readonly #io: V86Io;
  readonly #memory: PhysicalMemory;
  #base = V86_FRAME_BUFFER;

  constructor(io: V86Io, memory: PhysicalMemory, size: number) {
    this.#io = io;
    this.#memory = memory;
    this.size = size;
  }

  /** Where it is: part of a saved machine. */
  get base(): number {
    return this.#base;
  }

  moveTo(base: number): void {
    if (base === this.#base) return;
    if (this.#base !== V86_FRAME_BUFFER) this.#leave();
    this.#base = base;
    if (base === V86_FRAME_BUFFER) return;
    const there = (address: number) => (address >>> 0) - base + V86_FRAME_BUFFER;
    const { read8, read32s, write8, write32 } = this.#memory;
    this.#io.mmap_register(
      base,
      this.size,
      (address) => read8(there(address)),
      (address, value) => write8(there(address), value),
      (address) => read32s(there(address)),
      (address, value) => write32(there(address), value),
    );
  }

  /** Nobody answers where it was. */
  #leave(): void {
    const nothing = () => undefined;
    this.#io.mmap_register(
      this.#base,
      this.size,
      () => 0xff,
      nothing,
      () => -1,
      nothing,
    );
  }
}
