/** What the hidden TPM machine is restored from, fetched by the manifest that names it. */
import type { HiddenImages } from "../../backend/hidden/machine.ts";
import { ImageLoadError, loadImage, loadManifest } from "./load.ts";
import type { ImageFile, ImageManifest } from "./manifest.ts";

/** The hidden machine with all that it needs; its firmware serves a guest as well. */
export type LoadedHiddenImages = HiddenImages & Required<Pick<HiddenImages, "state">>;

/** How far the download is, in unpacked bytes. */
export type HiddenProgress = (done: number, total: number) => void;

/**
 * Fetches firmware and the hidden TPM machine: some 5 MB. They are for `attachTpm(bus, { hidden })`, which runs swtpm in
 * this page, without a server; the firmware knows TPMs, and is for the guest as well.
 * @param manifestUrl of the `manifest.json` in a folder that `npm run images -- --out FOLDER` has made; a relative
 *   address counts from the page's own
 * @throws {ImageLoadError} when the manifest or a file cannot be had whole, or the folder has no hidden machine.
 */
export async function loadHiddenImages(
  manifestUrl: string | URL,
  onProgress?: HiddenProgress,
): Promise<LoadedHiddenImages> {
  const url = new URL(manifestUrl, globalThis.document?.baseURI);
  return fetchHidden(await loadManifest(url), url, onProgress);
}

/** The file of the hidden machine. @throws {ImageLoadError} when it has not been made. */
export function hiddenStateOf({ hiddenState }: ImageManifest): ImageFile {
  if (hiddenState) return hiddenState;
  throw new ImageLoadError(
    "The hidden machine that would run the TPM has not been made yet: it comes with the small kernel. Start the bridge (`npm start`), or run `npm run kernel`.",
  );
}

/** The same from a manifest that has been read. @throws {ImageLoadError} */
export async function fetchHidden(
  manifest: ImageManifest,
  manifestUrl: string | URL,
  onProgress?: HiddenProgress,
): Promise<LoadedHiddenImages> {
  const files = [manifest.bios, manifest.vgaBios, hiddenStateOf(manifest)];
  const total = files.reduce((sum, { unpackedSize }) => sum + unpackedSize, 0);
  const done = files.map(() => 0);
  const load = (index: number) =>
    loadImage(files[index]!, manifestUrl, (bytes) => {
      done[index] = bytes;
      onProgress?.(
        done.reduce((sum, part) => sum + part, 0),
        total,
      );
    });
  const [system, vga, state] = await Promise.all([load(0), load(1), load(2)]);
  return { bios: system!, vgaBios: vga!, state: state! };
}
