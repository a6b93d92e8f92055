/**
 * A linked kernel (vmlinux) as it lies in memory: its loadable segments by physical address.
 * Source: Tool Interface Standard, Executable and Linking Format 1.2, "Program Header".
 */
import { viewOf } from "../../protocol/bytes/view.ts";

/** A file is not a kernel that was linked to a fixed address. */
export class ElfError extends Error {
  override readonly name = "ElfError";
}

export interface FlatKernel {
  /** Physical address of the first byte, which is the entry too. */
  address: number;
  /** What the file brings, gaps filled with zeros. */
  bytes: Uint8Array;
  /** Bytes that it takes in memory, zeroed data included. */
  memorySize: number;
}

const MAGIC = 0x7f454c46;
const CLASS_32 = 1;
const LITTLE_ENDIAN = 1;
const MACHINE_386 = 3;
const PT_LOAD = 1;

interface Segment {
  offset: number;
  address: number;
  fileSize: number;
  memorySize: number;
}

function segments(view: DataView): Segment[] {
  const table = view.getUint32(28, true);
  const size = view.getUint16(42, true);
  const count = view.getUint16(44, true);
  return Array.from({ length: count }, (_, index) => table + index * size)
    .filter((at) => view.getUint32(at, true) === PT_LOAD)
    .map((at) => ({
      offset: view.getUint32(at + 4, true),
      address: view.getUint32(at + 12, true),
      fileSize: view.getUint32(at + 16, true),
      memorySize: view.getUint32(at + 20, true),
    }));
}

/** Lays out a vmlinux for i386. What follows the ELF file, such as relocations, is ignored. */
export function flatKernel(vmlinux: Uint8Array): FlatKernel {
  const view = viewOf(vmlinux);
  const known =
    vmlinux.length > 52 &&
    view.getUint32(0) === MAGIC &&
    vmlinux[4] === CLASS_32 &&
    vmlinux[5] === LITTLE_ENDIAN &&
    view.getUint16(18, true) === MACHINE_386;
  if (!known) throw new ElfError("not an ELF file for i386");
  const loaded = segments(view);
  if (loaded.length === 0) throw new ElfError("the ELF file has nothing to load");
  const address = Math.min(...loaded.map((segment) => segment.address));
  const entry = view.getUint32(24, true);
  if (entry !== address) {
    throw new ElfError(`the kernel starts at 0x${entry.toString(16)}, not at its first byte`);
  }
  const end = (size: "fileSize" | "memorySize") =>
    Math.max(...loaded.map((segment) => segment.address + segment[size])) - address;
  const bytes = new Uint8Array(end("fileSize"));
  for (const { offset, address: at, fileSize } of loaded) {
    bytes.set(vmlinux.subarray(offset, offset + fileSize), at - address);
  }
  return { address, bytes, memorySize: end("memorySize") };
}
