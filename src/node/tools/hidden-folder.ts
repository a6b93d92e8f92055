/** The hidden machine's files in a folder that `npm run images -- --out FOLDER` has made. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HiddenImages } from "../../backend/hidden/machine.ts";
import { hiddenStateOf } from "../../session/images/hidden.ts";
import type { ImageFile, ImageManifest } from "../../session/images/manifest.ts";
import { unpacked } from "../../session/images/unpack.ts";

/** @throws when the folder has no manifest, or not all that it names. */
export async function readHiddenFolder(folder: string): Promise<HiddenImages> {
  const manifest = await readManifest(folder);
  const load = async ({ url, compression }: ImageFile): Promise<ArrayBuffer> => {
    const file = new Blob([await readFile(join(folder, url))]);
    return new Response(await unpacked(file.stream(), compression)).arrayBuffer();
  };
  const { bios, vgaBios } = manifest;
  return {
    bios: await load(bios),
    vgaBios: await load(vgaBios),
    state: await load(hiddenStateOf(manifest)),
  };
}

async function readManifest(folder: string): Promise<ImageManifest> {
  try {
    return JSON.parse(await readFile(join(folder, "manifest.json"), "utf8"));
  } catch (cause) {
    throw new Error(
      `${folder} is not a folder of images (${(cause as Error).message}): \`npm run images -- --out FOLDER\` in a clone of WebTPM makes one`,
      { cause },
    );
  }
}
