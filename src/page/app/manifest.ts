/** The list of the images that the page's own server has, and what the page shows of it. */
import { loadManifest } from "../../session/images/load.ts";
import {
  type DiskImage,
  type ImageFile,
  type ImageManifest,
  MANIFEST_URL,
  type PreparedFile,
} from "../../session/images/manifest.ts";
import type { ImagesInfo } from "../model/model.ts";

/** Where the manifest is; its files are relative to it. */
export const manifestUrl = () => new URL(MANIFEST_URL, document.baseURI);

/** @throws {ImageLoadError} */
export function readManifest(): Promise<ImageManifest> {
  return loadManifest(manifestUrl());
}

/** What the page shows of a manifest. */
export function imagesInfo(manifest: ImageManifest): ImagesInfo {
  const { guest, kernels, kernel, kernelBuild, prepared, uefi, uefiBuild, debian, debianBuild } = manifest;
  const { bootDisks } = manifest;
  const list = (["small", "stock"] as const).flatMap((name) => {
    const image = kernels[name];
    if (!image) return [];
    const { release, size, cmdline, efi } = image;
    return [{ name, release, size, cmdline, efi: efi !== undefined }];
  });
  return {
    guest,
    kernels: list,
    kernel,
    ...(prepared && { prepared: preparedInfo(prepared) }),
    ...(kernelBuild && { build: kernelBuild }),
    ...(uefi && { uefi: { version: uefi.version } }),
    ...(uefiBuild && { uefiBuild }),
    ...(debian && { debian: debianInfo(debian) }),
    ...(debianBuild && { debianBuild }),
    ...(bootDisks && { bootDisks: { grub: urlOf(bootDisks.grub), systemd: urlOf(bootDisks.systemd) } }),
  };
}

const MIB = 2 ** 20;
/** Next to the manifest. */
const IMAGES_FOLDER = MANIFEST_URL.slice(0, MANIFEST_URL.lastIndexOf("/") + 1);

function debianInfo({ url, size, title, memorySize }: DiskImage): NonNullable<ImagesInfo["debian"]> {
  return { url: urlOf({ url }), size, title, memory: memorySize / MIB };
}

/** An image's address, relative to the page, as settings and links have it. */
const urlOf = ({ url }: Pick<ImageFile, "url">) => `${IMAGES_FOLDER}${url}`;

/** The server's own image at this address; undefined where it is somebody else's. */
export function ownImage({ bootDisks }: ImageManifest, url: string): ImageFile | undefined {
  return Object.values<ImageFile>({ ...bootDisks }).find((file) => urlOf(file) === url);
}

function preparedInfo({ size, belongsTo }: PreparedFile): NonNullable<ImagesInfo["prepared"]> {
  const { tpmVersion: tpm, memorySize, cmdline } = belongsTo;
  return { tpm, kernel: "small", memory: memorySize / MIB, cmdline, size };
}
