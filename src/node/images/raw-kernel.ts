/**
 * A bzImage whose kernel is not compressed. Linux has no such option on x86, where the boot stub always unpacks; under
 * an emulator that costs more time than anything else before the first message. But the stub and the kernel have the
 * same entry: 32-bit, boot parameters in ESI. So a kernel that is linked to where boot loaders put it (1 MiB) can
 * stand in the stub's place, and another one needs only a few instructions that move it.
 * Source: Documentation/x86/boot.rst in Linux ("The Linux/x86 Boot Protocol").
 */

import { viewOf } from "../../protocol/bytes/view.ts";
import type { FlatKernel } from "./elf.ts";

/** A file is not what it should be. */
export class RawKernelError extends Error {
  override readonly name = "RawKernelError";
}

/** Where boot loaders put the protected-mode part of a bzImage. */
export const LOAD_ADDRESS = 0x100000;

/** Offsets of the setup header's fields. */
const FIELD = {
  setup_sects: 0x1f1,
  syssize: 0x1f4,
  header: 0x202,
  code32_start: 0x214,
  payload_offset: 0x248,
  payload_length: 0x24c,
  pref_address: 0x258,
  init_size: 0x260,
} as const;

const SECTOR = 512;
const PARAGRAPH = 16;
/** "HdrS" */
const MAGIC = 0x53726448;

/** Size of the real-mode part, boot sector included. */
function setupSize(bzImage: Uint8Array): number {
  const size = ((bzImage[FIELD.setup_sects] ?? 0) + 1) * SECTOR;
  if (bzImage.length < size || viewOf(bzImage).getUint32(FIELD.header, true) !== MAGIC) {
    throw new RawKernelError("not a bzImage: it has no setup header");
  }
  return size;
}

/** The compressed kernel in a bzImage, without the size that Linux's build puts behind it. */
export function payloadOf(bzImage: Uint8Array): Uint8Array {
  const view = viewOf(bzImage);
  const start = setupSize(bzImage) + view.getUint32(FIELD.payload_offset, true);
  const end = start + view.getUint32(FIELD.payload_length, true) - 4;
  if (end <= start || end > bzImage.length) throw new RawKernelError("the bzImage has no payload");
  return bzImage.subarray(start, end);
}

/** Code for LOAD_ADDRESS that moves the kernel behind it to its own address and jumps there. */
function mover(kernel: FlatKernel): Uint8Array {
  const source = LOAD_ADDRESS + MOVER_SIZE;
  if (kernel.address < source + kernel.bytes.length) {
    throw new RawKernelError(
      `a kernel of ${kernel.bytes.length} bytes for 0x${kernel.address.toString(16)} overlaps the place where it is loaded`,
    );
  }
  const code = new Uint8Array(MOVER_SIZE).fill(0x90);
  const view = viewOf(code);
  code.set([0xfc, 0x89, 0xf5]); //          cld; mov ebp, esi
  code[3] = 0xbe; //                        mov esi, source
  view.setUint32(4, source, true);
  code[8] = 0xbf; //                        mov edi, address
  view.setUint32(9, kernel.address, true);
  code[13] = 0xb9; //                       mov ecx, count
  view.setUint32(14, Math.ceil(kernel.bytes.length / 4), true);
  code.set([0xf3, 0xa5, 0x89, 0xee], 18); // rep movsd; mov esi, ebp
  code.set([0x31, 0xdb, 0xb8], 22); //      xor ebx, ebx; mov eax, address
  view.setUint32(25, kernel.address, true);
  code.set([0xff, 0xe0], 29); //            jmp eax
  return code;
}
const MOVER_SIZE = 32;

/**
 * Puts `kernel` in the place of the compressed one.
 * @param bzImage a bzImage of the same kernel; only its real-mode part is used
 * @throws {RawKernelError} when the kernel's own address is neither where it is loaded nor free of that
 */
export function rawBzImage(bzImage: Uint8Array, kernel: FlatKernel): Uint8Array {
  const setup = bzImage.subarray(0, setupSize(bzImage));
  if (viewOf(setup).getUint32(FIELD.code32_start, true) !== LOAD_ADDRESS) {
    throw new RawKernelError("the bzImage is not one that is loaded at 1 MiB");
  }
  const code = kernel.address === LOAD_ADDRESS ? new Uint8Array() : mover(kernel);
  const paragraphs = Math.ceil((code.length + kernel.bytes.length) / PARAGRAPH);
  const image = new Uint8Array(setup.length + paragraphs * PARAGRAPH);
  image.set(setup, 0);
  image.set(code, setup.length);
  image.set(kernel.bytes, setup.length + code.length);
  const header = viewOf(image);
  header.setUint32(FIELD.syssize, paragraphs, true);
  header.setUint32(FIELD.payload_offset, 0, true);
  header.setUint32(FIELD.payload_length, 0, true);
  header.setBigUint64(FIELD.pref_address, BigInt(kernel.address), true);
  header.setUint32(FIELD.init_size, kernel.memorySize, true);
  return image;
}
