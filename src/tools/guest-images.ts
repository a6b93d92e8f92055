/** Reads the guest's images from the cache of `npm run images`, for machines in Node. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Cache } from "../images/cache.ts";
import { ImageSet, ImagesMissingError, readImage } from "../images/image-set.ts";
import type { ImageFile, KernelName } from "../images/manifest.ts";
import type { UefiImage } from "../machine/v86/uefi/uefi-machine.ts";
import type { MachineImages } from "./node-machine.ts";

export interface GuestImages extends MachineImages {
  kernelName: KernelName;
  /** What the guest prints when its shell takes commands. */
  prompt: string;
  memorySize: number;
}

/**
 * Firmware, kernel and initrd, unpacked.
 * @param kernel the small one where there is one, if not given.
 * @throws {ImagesMissingError} when they have not been made, saying how to make them.
 */
export async function readGuestImages(kernel?: KernelName): Promise<GuestImages> {
  const { manifest, files } = await new ImageSet(new Cache(), () => {}).read();
  const name = kernel ?? manifest.kernel;
  const image = manifest.kernels[name];
  if (!image) throw new Error(`the ${name} kernel has not been built: run \`npm run kernel\``);
  const read = async (file: ImageFile) => {
    const bytes = await readFile(files.get(file.url) as string);
    return file.compression === "gzip" ? promisify(gunzip)(bytes) : bytes;
  };
  const [bios, vgaBios, kernelBytes, initrd] = await Promise.all(
    [manifest.bios, manifest.vgaBios, image, manifest.initrd].map(read),
  );
  return {
    bios: bios as Uint8Array,
    vgaBios: vgaBios as Uint8Array,
    kernel: kernelBytes as Uint8Array,
    initrd: initrd as Uint8Array,
    cmdline: image.cmdline,
    kernelName: name,
    prompt: manifest.prompt,
    memorySize: manifest.memorySize,
  };
}

/** What a UEFI machine boots. */
export interface UefiGuestImages extends Omit<GuestImages, "bios" | "vgaBios"> {
  uefi: UefiImage;
}

/** Guest RAM in bytes: edk2 has kernel and initrd twice in it. */
const UEFI_MEMORY = 256 * 2 ** 20;

/**
 * UEFI firmware, a kernel that it can start and the initrd: the small kernel, where there is one, else Debian's own.
 * @throws {ImagesMissingError} when they have not been made, saying how to make them.
 */
export async function readUefiGuest(): Promise<UefiGuestImages> {
  const images = await new ImageSet(new Cache(), () => {}).read();
  const { uefi, kernels, initrd, prompt } = images.manifest;
  if (!uefi) throw new ImagesMissingError("the UEFI firmware has not been built: run `npm run firmware`");
  const efi = kernels.small?.efi;
  const kernelName = efi ? "small" : "stock";
  return {
    uefi: { code: await readImage(images, uefi.code), variables: await readImage(images, uefi.vars) },
    kernel: efi ? await readImage(images, efi) : await readFile(images.debianKernel),
    initrd: await readImage(images, initrd),
    cmdline: kernels[kernelName]!.cmdline,
    kernelName,
    prompt,
    memorySize: UEFI_MEMORY,
  };
}
