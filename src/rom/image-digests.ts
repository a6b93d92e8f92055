/**
 * Digests of the images that are going to be booted, begun before the guest asks for them and, in a browser, in a
 * worker: `crypto.subtle.digest` of Chromium hashes on the thread that calls it, 7 MB by four algorithms for 0.1 s and
 * more. What the guest asks for is still its own memory: it is compared with the image byte by byte.
 */
import type { DigestAnswer } from "./digest.worker.ts";
import { type Digest, HASH_NAMES, type HashName, platformDigest } from "./hash-engine.ts";

type Bytes = Uint8Array<ArrayBuffer>;

interface Known {
  image: Bytes;
  digests: Map<HashName, Promise<ArrayBuffer>>;
}

export class ImageDigests {
  #known: Known[] = [];

  /** What will be booted from now on. The bytes are not to be changed. */
  set(images: readonly Bytes[]): void {
    this.#known = images.map((image) => ({ image, digests: digestsOf(image) }));
  }

  /** A `Digest` that knows the images' digests already; undefined where the platform has none at all. */
  digest(): Digest | undefined {
    const other = platformDigest();
    return (
      other &&
      ((algorithm, data) => {
        const known = this.#known.find(({ image }) => equal(image, data));
        return known?.digests.get(algorithm) ?? other(algorithm, data);
      })
    );
  }
}

function digestsOf(image: Bytes): Known["digests"] {
  const digests = (typeof Worker === "undefined" ? undefined : inWorker(image)) ?? here(image);
  // Whoever asks for one is told of its failure.
  for (const digest of digests.values()) digest.catch(() => undefined);
  return digests;
}

function here(image: Bytes): Known["digests"] {
  const digest = platformDigest();
  return new Map(digest ? HASH_NAMES.map((name) => [name, digest(name, image)]) : []);
}

function inWorker(image: Bytes): Known["digests"] | undefined {
  const platform = platformDigest();
  if (!platform) return undefined;
  const worker = new Worker(new URL("./digest.worker.ts", import.meta.url), {
    type: "module",
    name: "WebTPM digests",
  });
  const waiting = new Map(HASH_NAMES.map((name) => [name, Promise.withResolvers<ArrayBuffer>()]));
  worker.onmessage = ({ data: { name, digest } }: MessageEvent<DigestAnswer>) => {
    waiting.get(name)?.resolve(digest);
    waiting.delete(name);
    if (waiting.size === 0) worker.terminate();
  };
  // Without a worker they are made here, when it is known that there is none.
  worker.onerror = (event) => {
    event.preventDefault();
    worker.terminate();
    for (const [name, { resolve }] of waiting) resolve(platform(name, image));
  };
  worker.postMessage(image);
  return new Map(Array.from(waiting, ([name, { promise }]) => [name, promise]));
}

/** By words: the images have megabytes. */
function equal(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  const words = a.byteOffset % 4 === 0 && b.byteOffset % 4 === 0 ? a.length >> 2 : 0;
  const left = new Int32Array(a.buffer, a.byteOffset - (a.byteOffset % 4), words);
  const right = new Int32Array(b.buffer, b.byteOffset - (b.byteOffset % 4), words);
  for (let i = 0; i < words; i++) if (left[i] !== right[i]) return false;
  for (let i = words << 2; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
