/**
 * Fetches what a manifest names, in the page or in Node: the manifest itself, and image files checked and unpacked.
 */
import type { ImageFile, ImageManifest } from "./manifest.ts";
import { type ByteStream, unpacked } from "./unpack.ts";

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
  let done = 0;
  // Who leaves the loop early ends the stream: a decoder that nobody ends keeps the next one waiting.
  for await (const part of chunksOf(stream)) {
    if (done + part.length > size)
      throw new ImageLoadError(`more than the ${size} bytes that were announced`);
    bytes.set(part, done);
    done += part.length;
    onBytes?.(done);
  }
  if (done !== size) throw new ImageLoadError(`${done} bytes arrived of ${size}`);
  return bytes;
}

/** As the stream's own iterator, which Safari has not. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  let ended = false;
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
    ended = true;
  } finally {
    // One that has failed has told so by its read.
    if (!ended) await reader.cancel().catch(() => undefined);
  }
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
  try {
    const contents = await unpacked(response.body as ByteStream, file.compression);
    return (await collect(contents, file.unpackedSize, onBytes)).buffer;
  } catch (cause) {
    throw new ImageLoadError(`${url} did not arrive whole: ${(cause as Error).message}. Reload the page.`, {
      cause,
    });
  }
}
