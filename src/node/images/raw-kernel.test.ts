import { describe, expect, test } from "vitest";
import { ElfError, type FlatKernel, flatKernel } from "./elf.ts";
import { LOAD_ADDRESS, payloadOf, RawKernelError, rawBzImage } from "./raw-kernel.ts";

const SETUP_SIZE = 3 * 512;

/** The start of a bzImage with two sectors of setup code, and 100 bytes of compressed kernel at offset 8. */
function bzImage(change: (view: DataView) => void = () => undefined): Uint8Array {
  const bytes = new Uint8Array(SETUP_SIZE + 200).fill(0xcc, 0x300);
  const view = new DataView(bytes.buffer);
  bytes[0x1f1] = 2;
  view.setUint32(0x202, 0x53726448, true);
  view.setUint32(0x214, LOAD_ADDRESS, true);
  view.setUint32(0x248, 8, true);
  view.setUint32(0x24c, 104, true);
  change(view);
  return bytes;
}

function kernel(address: number, size: number): FlatKernel {
  return { address, bytes: Uint8Array.from({ length: size }, (_, index) => index + 1), memorySize: 0x5000 };
}

/** An ELF file with two loadable segments: 4 bytes at `address`, 2 of 16 bytes at `address` + 8. */
function elf(address: number, entry = address): Uint8Array {
  const bytes = new Uint8Array(0x100);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  view.setUint16(18, 3, true);
  view.setUint32(24, entry, true);
  view.setUint32(28, 52, true);
  view.setUint16(42, 32, true);
  view.setUint16(44, 3, true);
  const segment = (index: number, values: number[]) => {
    for (const [field, value] of values.entries()) view.setUint32(52 + index * 32 + field * 4, value, true);
  };
  segment(0, [1, 0xc0, 0xc0000000 + address, address, 4, 4]);
  segment(1, [1, 0xd0, 0xc0000008 + address, address + 8, 2, 16]);
  segment(2, [4, 0xe0, 0, 0, 8, 8]); // a note, which is not loaded
  bytes.set([1, 2, 3, 4], 0xc0);
  bytes.set([5, 6], 0xd0);
  return bytes;
}

describe("rawBzImage", () => {
  test("keeps the setup code and puts a kernel for 1 MiB right behind it, in whole paragraphs", () => {
    const image = rawBzImage(bzImage(), kernel(LOAD_ADDRESS, 33));
    expect(image.length).toBe(SETUP_SIZE + 48);
    expect(image.subarray(0x300, SETUP_SIZE)).toEqual(bzImage().subarray(0x300, SETUP_SIZE));
    expect(image.subarray(SETUP_SIZE, SETUP_SIZE + 33)).toEqual(kernel(LOAD_ADDRESS, 33).bytes);
    const view = new DataView(image.buffer);
    expect(view.getUint32(0x1f4, true)).toBe(3);
    expect(view.getUint32(0x260, true)).toBe(0x5000);
  });

  test("puts code before a kernel for another address that moves it there", () => {
    const image = rawBzImage(bzImage(), kernel(0x1000000, 33));
    const code = image.subarray(SETUP_SIZE, SETUP_SIZE + 32);
    const view = new DataView(code.buffer, code.byteOffset);
    expect(view.getUint32(4, true)).toBe(LOAD_ADDRESS + 32); // mov esi
    expect(view.getUint32(9, true)).toBe(0x1000000); // mov edi
    expect(view.getUint32(14, true)).toBe(9); // mov ecx, in double words
    expect(view.getUint32(25, true)).toBe(0x1000000); // mov eax
    expect(image.subarray(SETUP_SIZE + 32, SETUP_SIZE + 65)).toEqual(kernel(0, 33).bytes);
  });

  test("refuses a kernel whose own place overlaps where it is loaded", () => {
    expect(() => rawBzImage(bzImage(), kernel(LOAD_ADDRESS + 48, 33))).toThrow(/overlaps/);
    expect(() => rawBzImage(bzImage(), kernel(0x10000, 33))).toThrow(RawKernelError);
  });

  test("refuses what is no bzImage", () => {
    expect(() => rawBzImage(new Uint8Array(4096), kernel(LOAD_ADDRESS, 4))).toThrow(/no setup header/);
    expect(() => rawBzImage(bzImage().subarray(0, 600), kernel(LOAD_ADDRESS, 4))).toThrow(RawKernelError);
    const low = bzImage((view) => view.setUint32(0x214, 0x10000, true));
    expect(() => rawBzImage(low, kernel(LOAD_ADDRESS, 4))).toThrow(/1 MiB/);
  });
});

test("payloadOf cuts out the compressed kernel without its size", () => {
  const image = bzImage();
  expect(payloadOf(image)).toEqual(image.subarray(SETUP_SIZE + 8, SETUP_SIZE + 108));
  expect(() => payloadOf(bzImage((view) => view.setUint32(0x24c, 5000, true)))).toThrow(/no payload/);
});

describe("flatKernel", () => {
  test("lays out the loadable segments by physical address", () => {
    const flat = flatKernel(elf(0x1000000));
    expect(flat.address).toBe(0x1000000);
    expect([...flat.bytes]).toEqual([1, 2, 3, 4, 0, 0, 0, 0, 5, 6]);
    expect(flat.memorySize).toBe(24);
  });

  test("refuses other files", () => {
    expect(() => flatKernel(new Uint8Array(100))).toThrow(ElfError);
    expect(() => flatKernel(elf(0x1000000, 0x1000004))).toThrow(/not at its first byte/);
  });
});
