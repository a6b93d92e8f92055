import { describe, expect, it } from "vitest";
import { DirectBootError, LAYOUT, LOADER_FIELDS, placeLinux } from "./linux-image.ts";
import { tinyKernel } from "./testing/tiny-kernel.ts";

const MIB = 2 ** 20;
const kernel = tinyKernel([0xf4], { payload: 5000 });
const change = (at: number, ...bytes: number[]) => {
  const copy = kernel.slice();
  copy.set(bytes, at);
  return copy;
};

describe("placing a Linux kernel", () => {
  const initrd = new Uint8Array(100).fill(1);
  const places = placeLinux({ kernel, initrd, cmdline: "quiet ä" }, 128 * MIB);
  const at = (address: number) => places.find((place) => place.address === address)?.bytes;

  it("puts every part where the boot ROM expects it", () => {
    expect(places.map(({ address }) => address)).toEqual([
      LAYOUT.setup,
      LAYOUT.cmdline,
      LAYOUT.kernel,
      LAYOUT.initrd,
    ]);
    expect(at(LAYOUT.setup)).toHaveLength(5 * 512);
    expect(at(LAYOUT.kernel)).toEqual(kernel.subarray(5 * 512));
    expect(at(LAYOUT.cmdline)).toEqual(new TextEncoder().encode("quiet ä\0"));
    expect(at(LAYOUT.initrd)).toBe(initrd);
  });

  it("fills in the header and nothing else", () => {
    const setup = at(LAYOUT.setup) as Uint8Array;
    const header = new DataView(setup.buffer);
    expect(header.getUint16(0x1fa, true)).toBe(0xffff);
    expect([header.getUint8(0x210), header.getUint8(0x211)]).toEqual([0xff, 0x81]);
    expect([header.getUint32(0x218, true), header.getUint32(0x21c, true)]).toEqual([0x400_0000, 100]);
    expect(header.getUint16(0x224, true)).toBe(0xde00);
    expect(header.getUint32(0x228, true)).toBe(0x8_e000);
    const restored = setup.slice();
    for (const [offset, size] of LOADER_FIELDS) restored.set(kernel.subarray(offset, offset + size), offset);
    expect(restored).toEqual(kernel.subarray(0, 5 * 512));
  });

  it("leaves the caller's bytes alone, be they a Node Buffer", () => {
    const buffer = Buffer.from(kernel);
    placeLinux({ kernel: buffer, cmdline: "" }, 2 * MIB);
    expect(buffer.equals(kernel)).toBe(true);
  });

  it("without an initrd says so in the header", () => {
    const [setup, ...rest] = placeLinux({ kernel, cmdline: "" }, 2 * MIB);
    expect(new DataView(setup!.bytes.buffer).getUint32(0x218, true)).toBe(0);
    expect(rest.map(({ address }) => address)).toEqual([LAYOUT.cmdline, LAYOUT.kernel]);
  });

  it.each<[string, Partial<Parameters<typeof placeLinux>[0]>, number, string]>([
    ["something else", { kernel: new Uint8Array(5000) }, 128, "no Linux kernel"],
    ["a stub of one", { kernel: kernel.slice(0, 0x230) }, 128, "no Linux kernel"],
    ["an old kernel", { kernel: change(0x206, 0x01, 0x02) }, 128, "too old"],
    ["a used kernel", { kernel: change(0x210, 0xff) }, 128, "already changed"],
    ["too much set-up code", { kernel: change(0x1f1, 200) }, 128, "does not fit"],
    [
      "a long command line",
      { cmdline: "x".repeat(2048) },
      128,
      "the command line has 2048 bytes; this kernel takes 2047",
    ],
    ["too little memory", { initrd }, 64, "need at least 65 MiB"],
  ])("refuses %s", (_what, images, mib, words) => {
    const boot = () => placeLinux({ kernel, cmdline: "", ...images }, mib * MIB);
    expect(boot).toThrow(DirectBootError);
    expect(boot).toThrow(words);
  });
});
