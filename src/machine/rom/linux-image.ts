/**
 * What a boot loader does to a Linux kernel file before it starts it: finds the parts and fills in the setup header.
 * Source: the Linux/x86 boot protocol (Documentation/arch/x86/boot.rst of the kernel), as of version 2.02.
 */
import { viewOf } from "../../protocol/bytes/view.ts";

/** These images cannot be booted so. */
export class DirectBootError extends Error {
  override name = "DirectBootError";
}

/** Where v86's own loader puts things, and the ROM looks for them. Guest-physical addresses. */
export const LAYOUT = {
  setup: 0x8_0000,
  cmdline: 0x8_e000,
  kernel: 0x10_0000,
  initrd: 0x400_0000,
} as const;

const HEADER = {
  setupSects: 0x1f1,
  vidMode: 0x1fa,
  bootFlag: 0x1fe,
  magic: 0x202,
  version: 0x206,
  typeOfLoader: 0x210,
  loadFlags: 0x211,
  ramdiskImage: 0x218,
  ramdiskSize: 0x21c,
  heapEndPtr: 0x224,
  cmdLinePtr: 0x228,
  cmdlineSize: 0x238,
} as const;

/** Offset and size of the fields that {@link placeLinux} fills in; the ROM has the same list. */
export const LOADER_FIELDS: readonly (readonly [offset: number, size: number])[] = [
  [HEADER.vidMode, 2],
  [HEADER.typeOfLoader, 2],
  [HEADER.ramdiskImage, 8],
  [HEADER.heapEndPtr, 2],
  [HEADER.cmdLinePtr, 4],
];

const SECTOR = 512;
const BOOT_FLAG = 0xaa55;
const MAGIC = 0x5372_6448; // "HdrS"
const OLDEST_VERSION = 0x202;
const CMDLINE_SIZE_SINCE = 0x206;
const OLD_CMDLINE_SIZE = 255;
const DEFAULT_SETUP_SECTS = 4;
const LOADED_HIGH = 0x01;
const QUIET = 0x20;
const KEEP_SEGMENTS = 0x40;
const CAN_USE_HEAP = 0x80;
const VID_MODE_NORMAL = 0xffff;
const UNKNOWN_LOADER = 0xff;
/** End of the setup code's heap, relative to it; the command line begins after it. */
const HEAP_END = 0xe000;
const HEAP_END_GAP = 0x200;
/** Setup code and its heap must end below the command line. */
const MOST_SETUP = HEAP_END - HEAP_END_GAP;

/** Images as they are in their files. */
export interface LinuxImages {
  /** A bzImage. */
  kernel: Uint8Array;
  initrd?: Uint8Array | undefined;
  /** Kernel command line. */
  cmdline: string;
}

/** A piece of guest memory. */
export interface Placement {
  address: number;
  bytes: Uint8Array;
}

/**
 * Where everything goes for the kernel to be started, the setup header filled in. The images are not changed.
 * @param memorySize guest RAM in bytes.
 * @throws {DirectBootError} when the kernel is no bzImage, was already changed by a loader, or something is too long.
 */
export function placeLinux(images: LinuxImages, memorySize: number): Placement[] {
  const { kernel, initrd } = images;
  const header = checkedHeader(kernel);
  const setupSize = ((header.getUint8(HEADER.setupSects) || DEFAULT_SETUP_SECTS) + 1) * SECTOR;
  const cmdline = new TextEncoder().encode(`${images.cmdline}\0`);
  check(images, header, setupSize, cmdline.length - 1, memorySize);
  const setup = new Uint8Array(kernel.subarray(0, setupSize)); // a copy, of a Node Buffer too
  fillIn(new DataView(setup.buffer), initrd?.length ?? 0);
  return [
    { address: LAYOUT.setup, bytes: setup },
    { address: LAYOUT.cmdline, bytes: cmdline },
    { address: LAYOUT.kernel, bytes: kernel.subarray(setupSize) },
    ...(initrd?.length ? [{ address: LAYOUT.initrd, bytes: initrd }] : []),
  ];
}

function checkedHeader(kernel: Uint8Array): DataView {
  const view = viewOf(kernel);
  const complete = kernel.length > HEADER.cmdlineSize + 4;
  if (
    !complete ||
    view.getUint16(HEADER.bootFlag, true) !== BOOT_FLAG ||
    view.getUint32(HEADER.magic, true) !== MAGIC
  ) {
    throw new DirectBootError("this file is no Linux kernel (bzImage)");
  }
  if (
    view.getUint16(HEADER.version, true) < OLDEST_VERSION ||
    !(view.getUint8(HEADER.loadFlags) & LOADED_HIGH)
  ) {
    throw new DirectBootError(
      "this kernel is too old to be started so: it needs boot protocol 2.02 and a bzImage",
    );
  }
  if (view.getUint8(HEADER.typeOfLoader)) {
    throw new DirectBootError(
      "a boot loader has already changed this kernel image; give the file's own bytes (v86's bzimage option changes its buffer)",
    );
  }
  return view;
}

function check(
  { kernel, initrd }: LinuxImages,
  header: DataView,
  setupSize: number,
  cmdlineSize: number,
  memorySize: number,
): void {
  const modern = header.getUint16(HEADER.version, true) >= CMDLINE_SIZE_SINCE;
  const most = modern ? header.getUint32(HEADER.cmdlineSize, true) : OLD_CMDLINE_SIZE;
  if (cmdlineSize > most) {
    throw new DirectBootError(`the command line has ${cmdlineSize} bytes; this kernel takes ${most}`);
  }
  if (setupSize > MOST_SETUP || setupSize >= kernel.length) {
    throw new DirectBootError(`this kernel's setup code of ${setupSize} bytes does not fit`);
  }
  const end = initrd?.length ? LAYOUT.initrd + initrd.length : LAYOUT.kernel + kernel.length;
  if (end > memorySize || (initrd && LAYOUT.kernel + kernel.length > LAYOUT.initrd)) {
    const mib = Math.ceil(end / 2 ** 20);
    throw new DirectBootError(
      `kernel and initrd need at least ${mib} MiB of memory, the kernel at most 63 of them`,
    );
  }
}

function fillIn(header: DataView, initrdSize: number): void {
  const flags = header.getUint8(HEADER.loadFlags);
  header.setUint16(HEADER.vidMode, VID_MODE_NORMAL, true);
  header.setUint8(HEADER.typeOfLoader, UNKNOWN_LOADER);
  header.setUint8(HEADER.loadFlags, (flags & ~(QUIET | KEEP_SEGMENTS)) | CAN_USE_HEAP);
  header.setUint32(HEADER.ramdiskImage, initrdSize ? LAYOUT.initrd : 0, true);
  header.setUint32(HEADER.ramdiskSize, initrdSize, true);
  header.setUint16(HEADER.heapEndPtr, HEAP_END - HEAP_END_GAP, true);
  header.setUint32(HEADER.cmdLinePtr, LAYOUT.cmdline, true);
}
