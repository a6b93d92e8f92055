/** The names and keys of all images' recipes: what an image is made of, and whether it has to be made anew. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { contentKey } from "./cache.ts";
import { debianDiskKey } from "./debian-disk.ts";
import { DISK_PACKAGES } from "./disks/boot-disks.ts";
import { CMDLINE, MEMORY_SIZE, PROMPT } from "./guest-boot.ts";
import { guestSources } from "./guest-programs.ts";
import { HIDDEN_PACKAGES } from "./hidden-initrd.ts";
import { GUEST_PACKAGES } from "./initrd.ts";
import { preparedKey } from "./prepared-key.ts";
import { secureBootKey } from "./secure-boot/keys.ts";
import { smallKernelKey } from "./small-kernel.ts";
import { uefiFirmwareKey } from "./uefi-firmware.ts";
import { PACKAGES } from "./versions.ts";

const text = (name: string) => readFile(fileURLToPath(new URL(name, import.meta.url)), "utf8");
const pins = (list: readonly { name: string; sha256: string }[]) =>
  list.map((pin) => `${pin.name} ${pin.sha256}`);

export type SetPart =
  | "firmware"
  | "initrd"
  | "stock-kernel"
  | "small-kernel"
  | "hidden-initrd"
  | "hidden-state"
  | "prepared"
  | "uefi-firmware"
  | "secure-boot"
  | "debian-disk"
  | "vendor-keys"
  | "boot-disks";

/**
 * The key of each image. The texts of the builders are part of the keys, so a changed builder builds anew; but a process
 * stays with those that it began with, so that a server goes on serving what it has made.
 */
export function keys(): Promise<Record<SetPart, string>> {
  knownKeys ??= findKeys();
  return knownKeys;
}
let knownKeys: Promise<Record<SetPart, string>> | undefined;

async function findKeys(): Promise<Record<SetPart, string>> {
  const firmware = contentKey([...pins([PACKAGES.seabios]), await text("firmware.ts")]);
  const initrd = contentKey([
    ...pins(GUEST_PACKAGES),
    ...(await Promise.all(["initrd.ts", "cpio.ts", "guest-programs.ts"].map(text))),
    ...(await guestSources()),
  ]);
  const smallKernel = await smallKernelKey();
  return {
    firmware,
    initrd,
    "stock-kernel": contentKey([
      ...pins([PACKAGES.stockKernel]),
      ...(await Promise.all(["stock-kernel.ts", "raw-kernel.ts", "elf.ts"].map(text))),
    ]),
    "small-kernel": smallKernel,
    "hidden-initrd": await hiddenInitrdKey(),
    "hidden-state": contentKey([
      await hiddenInitrdKey(),
      smallKernel,
      ...pins([PACKAGES.seabios]),
      ...(await Promise.all(
        ["hidden-state.ts", "../../backend/hidden/machine.ts", "../../backend/hidden/virtio-ports.ts"].map(
          text,
        ),
      )),
    ]),
    "uefi-firmware": await uefiFirmwareKey(),
    "secure-boot": secureBootKey(),
    "debian-disk": await debianDiskKey(),
    "vendor-keys": contentKey([...pins([PACKAGES.ovmf]), await text("secure-boot/vendor-keys.ts")]),
    "boot-disks": contentKey([
      ...pins([...DISK_PACKAGES, PACKAGES.stockKernel]),
      initrd,
      smallKernel,
      secureBootKey(),
      ...Object.values(CMDLINE),
      ...(await Promise.all(
        ["boot-disks.ts", "system-disk.ts", "unified-kernel.ts"].map((name) => text(`disks/${name}`)),
      )),
    ]),
    prepared: await preparedKey([firmware, initrd, smallKernel, CMDLINE.small, String(MEMORY_SIZE), PROMPT]),
  };
}

async function hiddenInitrdKey(): Promise<string> {
  return contentKey([
    ...pins(HIDDEN_PACKAGES),
    ...(await Promise.all(
      ["hidden-initrd.ts", "cpio.ts", "guest-programs.ts", "guest/hidden-init.c", "guest/modexp.c"].map(text),
    )),
  ]);
}
