/**
 * Measured direct boot: starts a Linux kernel with initrd and command line given by the page, after measuring all
 * three into the TPM. The project's option ROM (asm/) takes the place of v86's own, which measures nothing; the
 * images are put into the guest's memory from here, at every reset again.
 *
 * | PCR | event | data |
 * | --- | --- | --- |
 * | 9 | the kernel's file | its name |
 * | 8 | the command line | `kernel_cmdline: ` and the command line |
 * | 9 | the initrd's file | its name |
 */

import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { fromBase64 } from "../base64.ts";
import type { MachineBus } from "../bus.ts";
import { DIRECT_BOOT_ROM } from "./direct-boot-rom.ts";
import { HASH_ENGINE_WINDOW, HashEngine, platformDigest } from "./hash-engine.ts";
import { ImageDigests } from "./image-digests.ts";
import {
  DirectBootError,
  type LinuxImages,
  LOADER_FIELDS,
  type Placement,
  placeLinux,
} from "./linux-image.ts";

/** What to boot. */
export interface DirectBootImages extends LinuxImages {
  /** What the event log calls the kernel; `(direct)/vmlinuz` when not given. */
  kernelName?: string | undefined;
  /** What the event log calls the initrd; `(direct)/initrd` when not given. */
  initrdName?: string | undefined;
}

/** The guest's memory, as a v86 emulator offers it. */
export interface GuestMemory {
  read_memory(address: number, length: number): Uint8Array;
  write_memory(bytes: Uint8Array, address: number): void;
}

/** v86's own ROM for this way of booting has this name too, so ours replaces it. */
const ROM_FILE = "genroms/kernel.bin";
const PARAMETER_FILE = "opt/webtpm/direct-boot";
const MAGIC = 0x4244_5457;
/** Size of the firmware's event-log area in bytes. */
const LOG_SIZE = 0x1_0000;
const MOST_NAME = 200;
/** Names begin so, to tell files that came from no disk. */
export const NAME_PREFIX = "(direct)/";

export interface DirectBootOptions {
  /** Guest RAM in bytes. */
  memorySize: number;
  /** False: the emulated CPU hashes, as on a machine without a hash engine. */
  engine?: boolean;
  /** True on a machine that runs already, or was restored: nothing is put into its memory before the next reset. */
  running?: boolean;
}

/**
 * A direct boot on a machine. Make it before the machine first runs (or say that it does), and leave v86's own
 * `bzimage`, `initrd` and `cmdline` options alone: with them it works too, but holds everything twice.
 */
export class DirectBoot {
  /** The hash engine on the bus; undefined where the emulated CPU hashes. */
  readonly engine: HashEngine | undefined;
  readonly #bus: MachineBus;
  readonly #memory: GuestMemory;
  readonly #memorySize: number;
  readonly #unsubscribe: () => void;
  readonly #digests: ImageDigests | undefined;
  #placements: Placement[] = [];

  /** @throws {DirectBootError} when the images cannot be booted so. */
  constructor(bus: MachineBus, memory: GuestMemory, images: DirectBootImages, options: DirectBootOptions) {
    this.#bus = bus;
    this.#memory = memory;
    this.#memorySize = options.memorySize;
    const digest = options.engine === false ? undefined : platformDigest();
    this.#digests = digest && new ImageDigests(digest);
    this.engine =
      this.#digests &&
      new HashEngine((address, length) => memory.read_memory(address, length), this.#digests);
    this.setImages(images);
    if (this.engine) bus.attach(HASH_ENGINE_WINDOW, this.engine);
    bus.setFirmwareFile(ROM_FILE, directBootRom());
    this.#unsubscribe = bus.onReset(() => this.#place());
    if (!options.running) this.#place();
  }

  /**
   * Boots something else from the next reset on, e.g. the same kernel with another command line.
   * @throws {DirectBootError} when the images cannot be booted so; the old ones then stay.
   */
  setImages(images: DirectBootImages): void {
    this.#placements = placeLinux(images, this.#memorySize);
    const { kernel, initrd } = images;
    this.#digests?.set([kernel, ...(initrd ? [initrd] : [])] as Uint8Array<ArrayBuffer>[]);
    this.#bus.setFirmwareFile(PARAMETER_FILE, parameters(images, this.engine !== undefined));
  }

  /** From the next reset on the machine boots from its disks. */
  remove(): void {
    this.#unsubscribe();
    this.#bus.removeFirmwareFile(ROM_FILE);
    this.#bus.removeFirmwareFile(PARAMETER_FILE);
  }

  #place(): void {
    for (const { address, bytes } of this.#placements) this.#memory.write_memory(bytes, address);
  }
}

/** The option ROM's image. */
export function directBootRom(): Uint8Array {
  return fromBase64(DIRECT_BOOT_ROM);
}

/** The ROM's parameter file; its layout is in asm/layout.inc. */
function parameters(images: DirectBootImages, engine: boolean): Uint8Array {
  const file = new ByteWriter()
    .u32le(MAGIC)
    .u32le(images.kernel.length)
    .u32le(LOG_SIZE)
    .u32le(engine ? HASH_ENGINE_WINDOW.base : 0);
  for (const [offset, size] of LOADER_FIELDS) file.bytes(images.kernel.subarray(offset, offset + size));
  file.zeros(2);
  for (const name of [
    images.kernelName ?? `${NAME_PREFIX}vmlinuz`,
    images.initrdName ?? `${NAME_PREFIX}initrd`,
  ]) {
    file.bytes(nameBytes(name)).u8(0);
  }
  return file.finish();
}

function nameBytes(name: string): Uint8Array {
  const bytes = new TextEncoder().encode(name);
  if (bytes.length > MOST_NAME || bytes.includes(0)) {
    throw new DirectBootError(
      `a name in the event log has at most ${MOST_NAME} bytes, none of them zero: "${name}"`,
    );
  }
  return bytes;
}
