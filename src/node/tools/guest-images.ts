/** Reads the guest's images from the cache of `npm run images`, for machines in Node. */
import { readFile } from "node:fs/promises";
import type { UefiImage } from "../../machine/v86/uefi/uefi-machine.ts";
import type { SecureBootKeys, SecureBootLists } from "../../protocol/uefi/secure-boot.ts";
import type {
  BootDisks,
  ImageFile,
  KernelName,
  SecureBootCertificates,
  VendorKeys,
} from "../../session/images/manifest.ts";
import { Cache } from "../images/cache.ts";
import { ImageSet, ImagesMissingError, readImage } from "../images/image-set.ts";
import type { MachineImages } from "./node-machine.ts";

export interface GuestImages extends MachineImages {
  kernelName: KernelName;
  /** What the guest prints when its shell takes commands. */
  prompt: string;
  memorySize: number;
}

const NO_SMALL_KERNEL = "the small kernel has not been built: run `npm run kernel`";

/**
 * Firmware, kernel and initrd, unpacked.
 * @param kernel the small one where there is one, if not given.
 * @throws {ImagesMissingError} when they have not been made, saying how to make them.
 */
export async function readGuestImages(kernel?: KernelName): Promise<GuestImages> {
  const images = await new ImageSet(new Cache(), () => {}).read();
  const { manifest } = images;
  const name = kernel ?? manifest.kernel;
  const image = manifest.kernels[name];
  if (!image) throw new ImagesMissingError(NO_SMALL_KERNEL);
  const read = (file: ImageFile) => readImage(images, file);
  return {
    bios: await read(manifest.bios),
    vgaBios: await read(manifest.vgaBios),
    kernel: await read(image),
    initrd: await read(manifest.initrd),
    cmdline: image.cmdline,
    kernelName: name,
    prompt: manifest.prompt,
    memorySize: manifest.memorySize,
  };
}

/** What a UEFI machine boots. */
export interface UefiGuestImages extends Omit<GuestImages, "bios" | "vgaBios"> {
  uefi: UefiImage;
  /** What lets the kernel start where Secure Boot is on; only of the small kernel. */
  secureBoot?: { keys: SecureBootKeys; signature: Uint8Array };
}

/** Guest RAM in bytes: edk2 has kernel and initrd twice in it. */
const UEFI_MEMORY = 256 * 2 ** 20;

/**
 * UEFI firmware, a kernel that it can start and the initrd.
 * @param kernel the small one where there is one, else Debian's own, if not given.
 * @throws {ImagesMissingError} when they have not been made, saying how to make them.
 */
export async function readUefiGuest(kernel?: KernelName): Promise<UefiGuestImages> {
  const images = await new ImageSet(new Cache(), () => {}).read();
  const { uefi, kernels, initrd, prompt, secureBoot } = images.manifest;
  if (!uefi) throw new ImagesMissingError("the UEFI firmware has not been built: run `npm run firmware`");
  const efi = kernel === "stock" ? undefined : kernels.small?.efi;
  if (kernel === "small" && !efi) throw new ImagesMissingError(NO_SMALL_KERNEL);
  const kernelName = efi ? "small" : "stock";
  return {
    uefi: { code: await readImage(images, uefi.code), variables: await readImage(images, uefi.vars) },
    kernel: efi ? await readImage(images, efi) : await readFile(images.debianKernel),
    initrd: await readImage(images, initrd),
    cmdline: kernels[kernelName]!.cmdline,
    kernelName,
    prompt,
    memorySize: UEFI_MEMORY,
    ...(secureBoot &&
      efi?.signature && {
        secureBoot: { keys: keysOf(secureBoot), signature: Buffer.from(efi.signature, "base64") },
      }),
  };
}

/** What UEFI firmware starts from a disk, in place of the kernel that it is given. */
export interface UefiDisks {
  uefi: UefiImage;
  /** Whole images; `BootDisks` says what is on them. */
  disks: Record<keyof BootDisks, Uint8Array>;
  /** The keys that have signed what is on them. */
  keys: { own: SecureBootKeys; vendor: SecureBootLists };
  prompt: string;
  memorySize: number;
}

/** @throws {ImagesMissingError} when they have not been made, saying how to make them. */
export async function readUefiDisks(): Promise<UefiDisks> {
  const images = await new ImageSet(new Cache(), () => {}).read();
  const { uefi, bootDisks, vendorKeys, secureBoot, prompt } = images.manifest;
  if (!uefi || !bootDisks || !vendorKeys || !secureBoot)
    throw new ImagesMissingError("the disks for UEFI have not been made: run `npm run firmware`");
  const { dbx } = vendorKeys;
  return {
    uefi: { code: await readImage(images, uefi.code), variables: await readImage(images, uefi.vars) },
    disks: {
      grub: await readImage(images, bootDisks.grub),
      systemd: await readImage(images, bootDisks.systemd),
    },
    keys: {
      own: keysOf(secureBoot),
      vendor: { ...keysOf(vendorKeys), ...(dbx !== undefined && { dbx: Buffer.from(dbx, "base64") }) },
    },
    prompt,
    memorySize: UEFI_MEMORY,
  };
}

/** What the manifest has as text, as bytes. */
function keysOf({ pk, kek, db }: SecureBootCertificates | VendorKeys): SecureBootKeys {
  const [platform, exchange, signing] = [pk, kek, db].map((text) => Buffer.from(text, "base64"));
  return { pk: platform!, kek: exchange!, db: signing! };
}
