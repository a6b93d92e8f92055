/**
 * What makes the project's PC the same machine wherever it is made: a saved state goes only into a machine with the
 * same devices.
 */
import type { V86Options } from "v86";

const VGA_MEMORY = 8 * 2 ** 20;
/** CD, floppy, disk: one digit each, the first to try lowest (v86's `BootOrder.CD_FLOPPY_HARDDISK`). */
const CD_FIRST = 0x213;

export interface PcParts {
  bios: ArrayBuffer;
  vgaBios: ArrayBuffer;
  /** Guest RAM in bytes. */
  memorySize: number;
}

/** v86's options for the PC, whatever its firmware. */
export const PC_OPTIONS = {
  vga_memory_size: VGA_MEMORY,
  disable_speaker: true,
  boot_order: CD_FIRST,
} as const;

/** v86's options for the PC with a BIOS, to which drives and a screen may be added. */
export function pcOptions({ bios, vgaBios, memorySize }: PcParts): V86Options {
  return {
    bios: { buffer: bios },
    vga_bios: { buffer: vgaBios },
    memory_size: memorySize,
    ...PC_OPTIONS,
  } as V86Options;
}

/** SeaBIOS waits for Esc only where it is to show its menu. */
export const NO_BOOT_MENU = { name: "etc/show-boot-menu", data: Uint8Array.of(0, 0) } as const;
