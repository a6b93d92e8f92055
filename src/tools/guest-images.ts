/** Reads the guest's images from the cache of `npm run images`, for machines in Node. */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import type { ImageFile, KernelName } from "../images/manifest.ts";
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
