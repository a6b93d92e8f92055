/**
 * A bzImage whose kernel is not compressed. Linux has no such option on x86, where the boot stub always unpacks; under
 * an emulator that costs more time than anything else before the first message. But stub and kernel have the same
 * entry: 32-bit, at the address of loading, boot parameters in ESI. So a kernel that is linked to where loaders put it
 * (1 MiB) can stand in the stub's place.
 * Source: Documentation/x86/boot.rst in Linux ("The Linux/x86 Boot Protocol").
 */

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
  relocatable_kernel: 0x234,
  payload_offset: 0x248,
  payload_length: 0x24c,
  pref_address: 0x258,
  init_size: 0x260,
} as const;

const SECTOR = 512;
const PARAGRAPH = 16;
/** "HdrS" */
const MAGIC = 0x53726448;

/**
 * Puts `kernel` in the place of the compressed one.
 * @param bzImage what the kernel's build made; only its real-mode part is used
 * @param kernel the linked kernel as it lies in memory from `LOAD_ADDRESS` on (`objcopy -O binary vmlinux`)
 * @param memorySize bytes that the kernel needs from `LOAD_ADDRESS` on until it manages memory itself
 * @throws {RawKernelError} when the kernel is not linked to `LOAD_ADDRESS`
 */
export function rawBzImage(bzImage: Uint8Array, kernel: Uint8Array, memorySize: number): Uint8Array {
  const setupSize = ((bzImage[FIELD.setup_sects] ?? 0) + 1) * SECTOR;
  const view = new DataView(bzImage.buffer, bzImage.byteOffset, bzImage.byteLength);
  if (bzImage.length < setupSize || view.getUint32(FIELD.header, true) !== MAGIC) {
    throw new RawKernelError("not a bzImage: it has no setup header");
  }
  const address = view.getBigUint64(FIELD.pref_address, true);
  if (address !== BigInt(LOAD_ADDRESS) || view.getUint32(FIELD.code32_start, true) !== LOAD_ADDRESS) {
    throw new RawKernelError(
      `the kernel is linked to 0x${address.toString(16)}; CONFIG_PHYSICAL_START must be 0x100000`,
    );
  }
  if (bzImage[FIELD.relocatable_kernel] !== 0) {
    throw new RawKernelError("the kernel is relocatable; CONFIG_RELOCATABLE must be off");
  }
  const paragraphs = Math.ceil(kernel.length / PARAGRAPH);
  const image = new Uint8Array(setupSize + paragraphs * PARAGRAPH);
  image.set(bzImage.subarray(0, setupSize), 0);
  image.set(kernel, setupSize);
  const header = new DataView(image.buffer);
  header.setUint32(FIELD.syssize, paragraphs, true);
  header.setUint32(FIELD.payload_offset, 0, true);
  header.setUint32(FIELD.payload_length, 0, true);
  header.setUint32(FIELD.init_size, memorySize, true);
  return image;
}

/**
 * The size in memory of a kernel, its zeroed data included.
 * @param systemMap text of System.map: lines of address, type, name
 */
export function memorySizeOf(systemMap: string): number {
  const address = (name: string) => {
    const line = systemMap.split("\n").find((candidate) => candidate.endsWith(` ${name}`));
    if (!line) throw new RawKernelError(`System.map has no ${name}`);
    return Number.parseInt(line, 16);
  };
  return address("_end") - address("_text");
}
