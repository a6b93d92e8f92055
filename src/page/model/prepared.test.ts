import { describe, expect, it } from "vitest";
import type { BootSettings, ImagesInfo } from "./model.ts";
import { whyNotPrepared } from "./prepared.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const IMAGES: ImagesInfo = {
  guest: "",
  kernels: [],
  kernel: "small",
  prepared: { tpm: "2.0", kernel: "small", memory: 128, cmdline: "quiet", size: 1 },
};
const why = (change: Partial<BootSettings>, images = IMAGES) =>
  whyNotPrepared({ ...DEFAULT_SETTINGS, ...change }, images);

describe("whyNotPrepared", () => {
  it("has nothing against the usual settings", () => {
    expect(why({})).toBeUndefined();
    expect(why({ kernel: "small", cmdline: "quiet", backend: "hidden", placement: "local" })).toBeUndefined();
  });

  it.each<[Partial<BootSettings>, RegExp]>([
    [{ tpm: "1.2" }, /TPM 2\.0/],
    [{ firmware: "uefi" }, /has a BIOS/],
    [{ kernel: "stock" }, /small kernel/],
    [{ memory: 256 }, /128 MiB/],
    [{ cmdline: "quiet debug" }, /command line/],
    [{ measured: false }, /measured/],
    [{ interface: "CRB" }, /TIS \(FIFO\)/],
    [{ interrupt: true }, /polls/],
    [{ bootMenu: true }, /boot menu/],
    [{ images: { cdrom: { kind: "url", url: "a.iso" } } }, /images of your own/],
  ])("says why %j needs a boot", (change, words) => {
    expect(why(change)).toMatch(words);
  });

  it("says so where there is none, and where `auto` is another kernel", () => {
    const { prepared: _, ...none } = IMAGES;
    expect(why({}, none)).toMatch(/no prepared machine yet/);
    expect(why({}, { ...IMAGES, kernel: "stock" })).toMatch(/small kernel/);
  });
});
