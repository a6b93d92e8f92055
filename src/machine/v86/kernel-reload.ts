/**
 * Rebooting a machine that was given a kernel by v86's options `bzimage`, `initrd` and `cmdline`. v86 puts these
 * into RAM once, when the machine is made, and its boot ROM jumps there at every boot; but a running Linux takes
 * that RAM for itself. So a copy is kept here, and put back when the machine is reset.
 *
 * Addresses are v86's; header fields are those of the Linux/x86 boot protocol.
 */
import type { V86Cpu, V86Emulator } from "./v86-internals.ts";

/** v86's name for the boot ROM that goes with a kernel. */
const KERNEL_ROM = "genroms/kernel.bin";
/** Set-up code, its header, and the command line behind them. */
const SETUP = { at: 0x8_0000, size: 0x1_0000 };
const KERNEL_AT = 0x10_0000;
const HEADER = { magic: 0x202, syssize: 0x1f4, ramdiskImage: 0x218, ramdiskSize: 0x21c };
const HEADER_MAGIC = 0x5372_6448; // "HdrS"
const PARAGRAPH = 16;

interface Saved {
  at: number;
  bytes: Uint8Array;
}

/**
 * Copies kernel and initrd out of a machine that has not run yet.
 * @returns what puts them back, or undefined when the machine has no kernel.
 */
export function keepKernel(emulator: V86Emulator, cpu: V86Cpu): (() => void) | undefined {
  if (emulator.is_running() || !cpu.option_roms.some((rom) => rom.name === KERNEL_ROM)) return undefined;
  const setup = emulator.read_memory(SETUP.at, SETUP.size).slice();
  const header = new DataView(setup.buffer);
  if (header.getUint32(HEADER.magic, true) !== HEADER_MAGIC) return undefined;
  const take = (at: number, size: number): Saved => ({ at, bytes: emulator.read_memory(at, size).slice() });
  const saved: Saved[] = [
    { at: SETUP.at, bytes: setup },
    take(KERNEL_AT, header.getUint32(HEADER.syssize, true) * PARAGRAPH),
    take(header.getUint32(HEADER.ramdiskImage, true), header.getUint32(HEADER.ramdiskSize, true)),
  ];
  return () => {
    for (const { at, bytes } of saved) emulator.write_memory(bytes, at);
  };
}
