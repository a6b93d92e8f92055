/**
 * Disks that UEFI firmware starts from, as installed systems have them: shim, GRUB and Debian's kernel as Debian and
 * Microsoft have signed them; and systemd-boot with a unified kernel image, which this host's own key signs. Both end
 * in the guest that the page boots otherwise, too.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { attachSignature } from "../../../protocol/uefi/authenticode.ts";
import { type Apt, type FetchedPackage, unpack } from "../apt.ts";
import { CMDLINE } from "../guest-boot.ts";
import type { Produced } from "../produce.ts";
import { inScratch } from "../scratch.ts";
import { privateKeyOf, type TeachingKeys } from "../secure-boot/keys.ts";
import { signImage } from "../secure-boot/sign.ts";
import { PACKAGES } from "../versions.ts";
import { systemDisk } from "./system-disk.ts";
import { unifiedKernel } from "./unified-kernel.ts";

export const GRUB_DISK = "grub-disk.img.gz";
export const SYSTEMD_DISK = "systemd-disk.img.gz";

/** Where firmware looks on a disk that no boot option names a file of (UEFI 2.10, section 3.5.1.1). */
const REMOVABLE = "EFI/BOOT/BOOTIA32.EFI";

/** What goes into the disks, besides packages. */
export interface DiskParts {
  /** Debian's kernel, as Debian has signed it. */
  debianKernel: Uint8Array;
  /** The small kernel, with its EFI stub. */
  efiKernel: Uint8Array;
  /** A packed cpio archive. */
  initrd: Uint8Array;
  keys: TeachingKeys;
}

/** The programs of the packages. */
export interface DiskPrograms {
  shim: Uint8Array;
  grub: Uint8Array;
  systemdBoot: Uint8Array;
  stub: Uint8Array;
}

/** Where they are in them. */
const PROGRAMS: Record<keyof DiskPrograms, string> = {
  shim: "usr/lib/shim/shimia32.efi.signed",
  grub: "usr/lib/grub/i386-efi-signed/grubia32.efi.signed",
  systemdBoot: "usr/lib/systemd/boot/efi/systemd-bootia32.efi",
  stub: "usr/lib/systemd/boot/efi/linuxia32.efi.stub",
};

export const DISK_PACKAGES = [PACKAGES.shim, PACKAGES.grub, PACKAGES.systemdBoot];

/** What GRUB runs; Debian's looks for it here. */
const GRUB_CONFIG = {
  path: "EFI/debian/grub.cfg",
  text: `set timeout=0
menuentry "Debian GNU/Linux" {
  linux /vmlinuz ${CMDLINE.stock}
  initrd /initrd.img
}
`,
};

const LOADER_CONFIG = { path: "loader/loader.conf", text: "timeout 0\n" };

const OS_RELEASE = 'ID=webtpm\nNAME="WebTPM guest"\nPRETTY_NAME="WebTPM guest"\nVERSION_ID=1\n';

const bytes = (text: string) => new TextEncoder().encode(text);

/** The disk with shim and GRUB. */
export function grubDisk({ shim, grub }: DiskPrograms, { debianKernel, initrd }: DiskParts) {
  return systemDisk([
    { path: REMOVABLE, data: shim },
    { path: "EFI/BOOT/grubia32.efi", data: grub },
    { path: GRUB_CONFIG.path, data: bytes(GRUB_CONFIG.text) },
    { path: "vmlinuz", data: debianKernel },
    { path: "initrd.img", data: initrd },
  ]);
}

/** Signed with the key that stands in db. */
function signed(image: Uint8Array, { db }: TeachingKeys): Uint8Array<ArrayBuffer> {
  const certificate = Buffer.from(db.certificate, "base64");
  return attachSignature(image, signImage(image, certificate, privateKeyOf(db)));
}

/** The disk with systemd-boot and a unified kernel image. */
export async function systemdDisk(
  { systemdBoot, stub }: DiskPrograms,
  { efiKernel, initrd, keys }: DiskParts,
) {
  const kernel = await unifiedKernel(stub, {
    linux: efiKernel,
    osrel: OS_RELEASE,
    cmdline: CMDLINE.small,
    initrd,
  });
  return systemDisk([
    { path: REMOVABLE, data: signed(systemdBoot, keys) },
    { path: LOADER_CONFIG.path, data: bytes(LOADER_CONFIG.text) },
    { path: "EFI/Linux/webtpm.efi", data: signed(kernel, keys) },
  ]);
}

/** Both disks, into `target`. */
export async function buildBootDisks(apt: Apt, target: string, parts: DiskParts): Promise<Produced> {
  const sources = await apt.fetch(DISK_PACKAGES);
  const programs = await readPrograms(sources);
  const disks = [
    [GRUB_DISK, await grubDisk(programs, parts)],
    [SYSTEMD_DISK, await systemdDisk(programs, parts)],
  ] as const;
  for (const [name, image] of disks) await writeFile(join(target, name), await promisify(gzip)(image));
  return { sources };
}

async function readPrograms(debs: readonly FetchedPackage[]): Promise<DiskPrograms> {
  return inScratch("loaders", async (scratch) => {
    for (const deb of debs) await unpack(deb, scratch);
    const read = Object.entries(PROGRAMS).map(
      async ([name, path]) => [name, await readFile(join(scratch, path))] as const,
    );
    return Object.fromEntries(await Promise.all(read)) as unknown as DiskPrograms;
  });
}
