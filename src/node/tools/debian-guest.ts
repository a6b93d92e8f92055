/** The disk of `npm run debian` for machines in Node. */
import type { Drive } from "../../machine/drive/drive.ts";
import { Cache } from "../images/cache.ts";
import { ImageSet, ImagesMissingError } from "../images/image-set.ts";
import { openFileDrive } from "./file-drive.ts";

/** @throws {ImagesMissingError} when it has not been made. */
export async function debianDisk(): Promise<{ hda: Drive; path: string; memorySize: number }> {
  const { manifest, disks } = await new ImageSet(new Cache(), () => undefined).read();
  const path = manifest.debian && disks.get(manifest.debian.url);
  if (!manifest.debian || !path)
    throw new ImagesMissingError("the disk with Debian has not been made: run `npm run debian`");
  return { hda: await openFileDrive(path), path, memorySize: manifest.debian.memorySize };
}
