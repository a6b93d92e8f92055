import { describe, expect, it } from "vitest";
import { uefiKernel, whyNotUefi } from "./firmware.ts";
import type { BootSettings, ImagesInfo } from "./model.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const stock = { name: "stock", release: "6.1", size: 1, cmdline: "", efi: true } as const;
const small = { name: "small", release: "6.1", size: 1, cmdline: "" } as const;
const IMAGES: ImagesInfo = { guest: "", kernels: [small, stock], kernel: "small", uefi: { version: "1" } };
const why = (change: Partial<BootSettings>, images: Partial<ImagesInfo> = {}) =>
  whyNotUefi({ ...DEFAULT_SETTINGS, firmware: "uefi", ...change }, { ...IMAGES, ...images });

describe("UEFI firmware", () => {
  it("boots what it can start", () => {
    expect(why({})).toBeUndefined();
    expect(why({ kernel: "stock" })).toBeUndefined();
    expect(why({ images: { hda: { kind: "url", url: "disk.img" } } }, { kernels: [small] })).toBeUndefined();
    expect(why({ images: { kernel: { kind: "url", url: "bzImage" } } }, { kernels: [] })).toBeUndefined();
  });

  it.each<[Partial<BootSettings>, Partial<ImagesInfo>, RegExp]>([
    [{ tpm: "1.2" }, {}, /TPM 2\.0/],
    [{}, { uefi: undefined }, /no UEFI firmware/],
    [
      {},
      { uefi: undefined, uefiBuild: { state: "building", percent: 41.5, message: "compiling" } },
      /being built: 42 %/,
    ],
    [{}, { uefi: undefined, uefiBuild: { state: "failed", percent: 9, message: "no nasm" } }, /no nasm/],
    [{}, { kernels: [small] }, /no kernel yet/],
    [{ kernel: "small" }, {}, /small kernel .* choose another/],
  ])("is refused in words with %j and %j", (settings, images, words) => {
    expect(why(settings, images)).toMatch(words);
  });

  it("takes the usual kernel, or one that it can start", () => {
    expect(uefiKernel(DEFAULT_SETTINGS, IMAGES)).toBe("stock");
    const both = [{ ...small, efi: true }, stock];
    expect(uefiKernel(DEFAULT_SETTINGS, { ...IMAGES, kernels: both })).toBe("small");
    expect(uefiKernel({ kernel: "stock" }, { ...IMAGES, kernels: both })).toBe("stock");
  });
});
