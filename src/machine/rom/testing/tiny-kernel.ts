/** A "Linux kernel" of a few bytes for tests: the header of a bzImage, with any code at its real-mode entry. */

export interface TinyKernelOptions {
  /** Bytes of the protected-mode part, which nobody runs. */
  payload?: number;
}

const SETUP_SECTS = 4;
const SECTOR = 512;
const ENTRY = 0x200;
/** Room for the header between the entry's jump and the code. */
const CODE = 0x300;

/** @param code 16-bit code, entered as Linux's set-up code is. */
export function tinyKernel(code: readonly number[], { payload = 1000 }: TinyKernelOptions = {}): Uint8Array {
  const setupSize = (SETUP_SECTS + 1) * SECTOR;
  const image = new Uint8Array(setupSize + payload);
  const header = new DataView(image.buffer);
  image.set([0xe9, (CODE - ENTRY - 3) & 0xff, (CODE - ENTRY - 3) >> 8], 0); // never run: the entry is at 0x200
  header.setUint8(0x1f1, SETUP_SECTS);
  header.setUint16(0x1fe, 0xaa55, true);
  image.set([0xeb, 0x66], ENTRY); // as in every bzImage: jump over the header, to 0x268
  header.setUint32(0x202, 0x5372_6448, true);
  header.setUint16(0x206, 0x020f, true);
  header.setUint8(0x211, 0x01);
  header.setUint32(0x238, 2047, true);
  image.set([0xe9, CODE - 0x26b, 0], 0x268);
  image.set(code, CODE);
  for (let i = 0; i < payload; i++) image[setupSize + i] = (i * 13) & 0xff;
  return image;
}
