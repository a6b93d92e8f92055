/** Where an image of one's own goes, told by its name and size. */
import type { BootSettings, ImageChoice, ImageSlot } from "./model.ts";

export interface SlotInfo {
  slot: ImageSlot;
  label: string;
  hint: string;
  accept: string;
}

export const IMAGE_SLOTS: readonly SlotInfo[] = [
  { slot: "cdrom", label: "CD", hint: "an .iso file", accept: ".iso" },
  { slot: "hda", label: "Disk", hint: "a raw or qcow2 disk image", accept: ".img,.raw,.bin,.hdd,.dd,.qcow2" },
  { slot: "fda", label: "Floppy", hint: "an image of at most 2.88 MB", accept: ".img,.ima,.flp,.bin" },
  { slot: "kernel", label: "Kernel", hint: "a Linux bzImage for i386", accept: "" },
  { slot: "initrd", label: "Initrd", hint: "a cpio archive, packed or not", accept: "" },
];

const LARGEST_FLOPPY = 2_949_120;
const BY_NAME: readonly [RegExp, ImageSlot][] = [
  [/\.iso$/i, "cdrom"],
  [/^(vm|b?z)?(image|linuz|linux)/i, "kernel"],
  [/(initrd|initramfs|rootfs|\.cpio)/i, "initrd"],
];

/** The slot that a dropped file most likely belongs to. */
export function slotFor(name: string, size: number): ImageSlot {
  const known = BY_NAME.find(([pattern]) => pattern.test(name));
  if (known) return known[1];
  return size <= LARGEST_FLOPPY ? "fda" : "hda";
}

/** In settings and addresses, an empty disk is this with its size. */
const EMPTY = /^empty:(\d{1,6})(MiB|GiB)$/;
const UNITS = { MiB: 2 ** 20, GiB: 2 ** 30 } as const;
/** As large as v86's disks can be addressed, by 28 bits of sectors. */
export const LARGEST_DISK = 127 * UNITS.GiB;

/** Undefined for what is no empty disk's text. */
export function emptyDisk(text: string): (ImageChoice & { kind: "empty" }) | undefined {
  const [, count, unit] = EMPTY.exec(text) ?? [];
  const size = Number(count) * UNITS[unit as keyof typeof UNITS];
  return size > 0 && size <= LARGEST_DISK ? { kind: "empty", size } : undefined;
}

const sizeOf = (bytes: number): [count: number, unit: keyof typeof UNITS] =>
  bytes % UNITS.GiB ? [bytes / UNITS.MiB, "MiB"] : [bytes / UNITS.GiB, "GiB"];

/** As `emptyDisk` reads it. */
export const emptyDiskText = (bytes: number) => `empty:${sizeOf(bytes).join("")}`;

/** A name for people: the file's, or the last part of the address. */
export function imageName(image: ImageChoice): string {
  if (image.kind === "file") return image.file.name;
  if (image.kind === "empty") return `empty disk of ${sizeOf(image.size).join(" ")}`;
  return image.url.split(/[?#]/)[0]!.split("/").at(-1) || image.url;
}

/** What the next boot will start from, in words. */
export function bootPlan({ images, kernel }: BootSettings): string {
  const { cdrom, fda, hda } = images;
  const extra = images.initrd ? ` with the initrd ${imageName(images.initrd)}` : "";
  if (images.kernel) return `the kernel ${imageName(images.kernel)}${extra}`;
  if (kernel === "auto" && !images.initrd) {
    if (cdrom) return `the CD ${imageName(cdrom)}`;
    if (fda) return `the floppy ${imageName(fda)}`;
    if (hda) return `the disk ${imageName(hda)}`;
  }
  return `Linux${extra}`;
}
