import { describe, expect, it } from "vitest";
import { chosenGuest, gallery } from "./gallery.ts";
import type { BootSettings, ImagesInfo } from "./model.ts";

const NONE: ImagesInfo = { guest: "Linux 6.12", kernels: [], kernel: "small" };
const DEBIAN = { url: "images/debian-1.img", size: 2 ** 31, title: "Debian 12", memory: 512 };
const settings = (images: BootSettings["images"]) => ({ images, kernel: "auto" }) as BootSettings;

describe("the gallery", () => {
  it("says how what this server does not have is made, or how far it is", () => {
    const debian = (info: Partial<ImagesInfo>) => gallery({ ...NONE, ...info })[1]!;
    expect(gallery(NONE).map(({ id }) => id)).toEqual(["small"]);
    const debianBuild = { state: "building", percent: 40.2, message: "fetching packages" } as const;
    expect(debian({ debianBuild })).toMatchObject({
      settings: undefined,
      text: expect.stringContaining("fetching packages, 40 %"),
    });
    expect(debian({ debian: DEBIAN })).toMatchObject({
      settings: { memory: 512, images: { hda: { kind: "url", url: DEBIAN.url } } },
      text: expect.stringContaining("2.0 GiB"),
    });
  });

  it("knows which of them is chosen, and when it is something else", () => {
    const guests = gallery({ ...NONE, debian: DEBIAN });
    for (const { id, settings: its } of guests)
      expect(chosenGuest({ ...settings({}), ...its }, guests)).toBe(id);
    expect(chosenGuest(settings({ hda: { kind: "url", url: "images/other.img" } }), guests)).toBeUndefined();
    const both = { ...guests[1]!.settings!.images, cdrom: { kind: "url", url: "cd.iso" } } as const;
    expect(chosenGuest(settings(both), guests)).toBeUndefined();
  });
});
