/**
 * Fetches what a manifest names, in the page or in Node: the manifest itself, and image files checked and unpacked.
 */
import type { ImageFile, ImageManifest } from "./manifest.ts";

/** An image or the manifest could not be had. */
export class ImageLoadError extends Error {
  override readonly name = "ImageLoadError";
}

async function get(url: string | URL): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    throw new ImageLoadError(
      `${url} could not be fetched. Is the server that gave this page still running?`,
      { cause },
    );
  }
  if (!response.ok) {
    throw new ImageLoadError(
      `${url} could not be fetched: ${response.status} ${(await response.text()).slice(0, 300)}`,
    );
  }
  return response;
}

/**
 * Reads the manifest.
 * @param url e.g. `new URL(MANIFEST_URL, document.baseURI)`
 * @throws {ImageLoadError} when there is none, with the server's reason.
 */
export async function loadManifest(url: string | URL): Promise<ImageManifest> {
  const response = await get(url);
  try {
    return (await response.json()) as ImageManifest;
  } catch (cause) {
    throw new ImageLoadError(`${url} is not a manifest of images.`, { cause });
  }
}

async function collect(stream: ReadableStream<Uint8Array>, size: number, onBytes?: (done: number) => void) {
  const bytes = new Uint8Array(size);
  const reader = stream.getReader();
  let done = 0;
  for (;;) {
    const part = await reader.read();
    if (part.done) break;
    if (done + part.value.length > size)
      throw new ImageLoadError(`more than the ${size} bytes that were announced`);
    bytes.set(part.value, done);
    done += part.value.length;
    onBytes?.(done);
  }
  if (done !== size) throw new ImageLoadError(`${done} bytes arrived of ${size}`);
  return bytes;
}

/**
 * Downloads one image and unpacks it.
 * @param manifestUrl absolute URL of the manifest that names `file`
 * @param onBytes called with the number of unpacked bytes so far, out of `file.unpackedSize`
 * @throws {ImageLoadError} when the download fails or is not the announced size.
 */
export async function loadImage(
  file: ImageFile,
  manifestUrl: string | URL,
  onBytes?: (done: number) => void,
): Promise<ArrayBuffer> {
  const url = new URL(file.url, manifestUrl);
  const response = await get(url);
  if (!response.body) throw new ImageLoadError(`${url} came without a body.`);
  const packed = response.body as ReadableStream<Uint8Array<ArrayBuffer>>;
  const stream = file.compression === "gzip" ? packed.pipeThrough(new DecompressionStream("gzip")) : packed;
  try {
    return (await collect(stream, file.unpackedSize, onBytes)).buffer;
  } catch (cause) {
    throw new ImageLoadError(`${url} did not arrive whole: ${(cause as Error).message}. Reload the page.`, {
      cause,
    });
  }
}
