import { describe, expect, it } from "vitest";
import { bootPlan, imageName, slotFor } from "./image-slots.ts";
import type { BootSettings } from "./model.ts";

const settings = (patch: Partial<BootSettings>): BootSettings => ({
  tpm: "2.0",
  kernel: "auto",
  memory: 128,
  bootMenu: false,
  firmware: "bios",
  measured: true,
  interface: "TIS",
  interrupt: false,
  signature: "none",
  placement: "auto",
  backend: "auto",
  start: "power-on",
  images: {},
  ...patch,
});
const url = (text: string) => ({ kind: "url" as const, url: text });

describe("slotFor", () => {
  it.each([
    ["debian-12.iso", 5e8, "cdrom"],
    ["bzImage", 3e6, "kernel"],
    ["vmlinuz-6.1.0", 3e6, "kernel"],
    ["initrd.img-6.1.0", 3e6, "initrd"],
    ["rootfs.cpio.gz", 3e6, "initrd"],
    ["freedos.img", 1_474_560, "fda"],
    ["disk.img", 1e9, "hda"],
  ])("puts %s of %d bytes into %s", (name, size, slot) => {
    expect(slotFor(name, size)).toBe(slot);
  });
});

describe("bootPlan", () => {
  it("boots an image of one's own unless a kernel is named", () => {
    expect(bootPlan(settings({}))).toBe("Linux");
    expect(bootPlan(settings({ images: { cdrom: url("https://x/y/a.iso?z") } }))).toBe("the CD a.iso");
    expect(bootPlan(settings({ kernel: "stock", images: { hda: url("d.img") } }))).toBe("Linux");
    expect(bootPlan(settings({ images: { kernel: url("bzImage"), initrd: url("i.cpio") } }))).toBe(
      "the kernel bzImage with the initrd i.cpio",
    );
  });

  it("names images by the last part of their address", () => {
    expect(imageName(url("https://x.example/"))).toBe("https://x.example/");
  });
});
