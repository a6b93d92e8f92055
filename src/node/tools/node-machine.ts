/** A v86 machine in Node, with its bus and serial port: what the boot tool, the benchmark and tests start. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { V86, type V86Options } from "v86";
import { Drive } from "../../machine/drive/drive.ts";
import { createV86 } from "../../machine/v86/create-v86.ts";
import { createUefiV86, type UefiImage, type UefiMachine } from "../../machine/v86/uefi/uefi-machine.ts";
import type { V86Bus } from "../../machine/v86/v86.ts";
import { Serial } from "./serial.ts";

/** Images as bytes, so that a test loads them once. */
export interface MachineImages {
  bios: Uint8Array;
  vgaBios: Uint8Array;
  kernel?: Uint8Array | undefined;
  initrd?: Uint8Array | undefined;
  /** Kernel command line; only with a kernel. */
  cmdline?: string | undefined;
  /** First hard disk; a large one as a drive, which is read as the guest asks for it. */
  hda?: Uint8Array | Drive | undefined;
  cdrom?: Uint8Array | undefined;
  /** What the guest's shell prints when it takes commands. */
  prompt?: string | undefined;
}

export interface NodeMachine {
  emulator: V86;
  bus: V86Bus;
  serial: Serial;
  /** SeaBIOS's debug log, line by line. */
  firmwareLog: string[];
}

const MIB = 2 ** 20;
/** v86 puts the initrd at 64 MiB. */
const DEFAULT_MEMORY = 128 * MIB;

/** v86.wasm of the installed package. */
export const v86Wasm = () =>
  new Uint8Array(readFileSync(createRequire(import.meta.url).resolve("v86/build/v86.wasm")));

function image(bytes: Uint8Array): { buffer: ArrayBuffer } {
  return { buffer: bytes.slice().buffer };
}

/** What the PC is beside its images: little that costs time. */
const PC: V86Options = {
  vga_memory_size: 2 * MIB,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
};

/** Makes a machine; it runs when `bus.resume()` is called. */
export async function createNodeMachine(
  images: MachineImages,
  memorySize = DEFAULT_MEMORY,
  host?: () => number,
): Promise<NodeMachine> {
  const options: V86Options = {
    bios: image(images.bios),
    vga_bios: image(images.vgaBios),
    memory_size: memorySize,
    ...PC,
    ...(images.kernel && { bzimage: image(images.kernel), cmdline: images.cmdline ?? "" }),
    ...(images.initrd && { initrd: image(images.initrd) }),
    ...drives(images),
  };
  const { emulator, bus } = await createV86(V86, options, v86Wasm(), host);
  return nodeMachine(emulator, bus, images);
}

export interface UefiNodeMachine extends NodeMachine {
  uefi: UefiMachine;
}

/** Makes a machine with UEFI; a kernel is started by the firmware. */
export async function createUefiNodeMachine(
  firmware: UefiImage,
  images: Omit<MachineImages, "bios" | "vgaBios">,
  memorySize = DEFAULT_MEMORY,
  host?: () => number,
): Promise<UefiNodeMachine> {
  const { kernel, initrd, cmdline = "" } = images;
  const linux = kernel && { kernel, initrd, cmdline };
  const { emulator, bus, uefi } = await createUefiV86(
    V86,
    { ...PC, ...drives(images) },
    v86Wasm(),
    { image: firmware, memorySize, linux },
    host,
  );
  return { ...nodeMachine(emulator, bus, images), uefi };
}

function drives({ hda, cdrom }: Pick<MachineImages, "hda" | "cdrom">): V86Options {
  const disk = hda instanceof Drive ? hda : hda && image(hda);
  return {
    ...(disk && { hda: disk as V86Options["hda"] }),
    ...(cdrom && { cdrom: image(cdrom) }),
  } as V86Options;
}

function nodeMachine(emulator: V86, bus: V86Bus, images: Pick<MachineImages, "prompt">): NodeMachine {
  const firmwareLog: string[] = [];
  bus.onFirmwareLog((line) => firmwareLog.push(line));
  const serial = new Serial(emulator);
  serial.prompt = images.prompt;
  return { emulator, bus, serial, firmwareLog };
}
