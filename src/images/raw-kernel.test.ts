import { describe, expect, test } from "vitest";
import { LOAD_ADDRESS, memorySizeOf, RawKernelError, rawBzImage } from "./raw-kernel.ts";

/** The start of a bzImage with two sectors of setup code, and 100 bytes of compressed kernel. */
function bzImage(change: (view: DataView) => void = () => undefined): Uint8Array {
  const bytes = new Uint8Array(3 * 512 + 100).fill(0xcc, 0x300);
  const view = new DataView(bytes.buffer);
  bytes[0x1f1] = 2;
  view.setUint32(0x202, 0x53726448, true);
  view.setUint32(0x214, LOAD_ADDRESS, true);
  view.setBigUint64(0x258, BigInt(LOAD_ADDRESS), true);
  change(view);
  return bytes;
}

describe("rawBzImage", () => {
  const kernel = Uint8Array.from({ length: 33 }, (_, index) => index + 1);

  test("keeps the setup code and puts the kernel behind it, in whole paragraphs", () => {
    const image = rawBzImage(bzImage(), kernel, 0x5000);
    expect(image.length).toBe(3 * 512 + 48);
    expect(image.subarray(0x300, 3 * 512)).toEqual(bzImage().subarray(0x300, 3 * 512));
    expect(image.subarray(3 * 512, 3 * 512 + 33)).toEqual(kernel);
    const view = new DataView(image.buffer);
    expect(view.getUint32(0x1f4, true)).toBe(3);
    expect(view.getUint32(0x260, true)).toBe(0x5000);
  });

  test("refuses what is no bzImage", () => {
    expect(() => rawBzImage(new Uint8Array(4096), kernel, 0)).toThrow(RawKernelError);
    expect(() => rawBzImage(bzImage().subarray(0, 600), kernel, 0)).toThrow(/no setup header/);
  });

  test("refuses a kernel that would not run at the address of loading", () => {
    const elsewhere = bzImage((view) => view.setBigUint64(0x258, 0x1000000n, true));
    expect(() => rawBzImage(elsewhere, kernel, 0)).toThrow(/linked to 0x1000000/);
    const relocatable = bzImage((view) => view.setUint8(0x234, 1));
    expect(() => rawBzImage(relocatable, kernel, 0)).toThrow(/CONFIG_RELOCATABLE/);
  });
});

test("memorySizeOf reads the first and the last address of a System.map", () => {
  const map = "c0100000 T startup_32\nc0100000 T _text\nc0644000 B __end_rodata\nc0654000 B _end\n";
  expect(memorySizeOf(map)).toBe(0x554000);
  expect(() => memorySizeOf("c0100000 T _text\n")).toThrow(/no _end/);
});
