/**
 * Digests of the images that are going to be booted, begun before the guest asks for them and, in a browser, in a
 * worker: `crypto.subtle.digest` of Chromium hashes on the thread that calls it, 7 MB by four algorithms for 0.1 s and
 * more. What the guest asks for is still its own memory: it is compared with the image byte by byte, which also saves
 * a copy of it.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import type { DigestAnswer } from "./digest.worker.ts";
import { type Digest, HASH_NAMES, type HashName, type MessageHashes } from "./hash-engine.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Digests by algorithm: promises first, then themselves, for the guest waits for them without the event loop. */
type Digests = Map<HashName, ArrayBuffer | Promise<ArrayBuffer>>;

interface Known {
  image: Bytes;
  digests: Digests;
}

/** Messages up to this size, in bytes, are hashed at once: waiting for the platform takes longer. */
const SMALL = 4096;
const HASHES = { "SHA-1": sha1, "SHA-256": sha256, "SHA-384": sha384, "SHA-512": sha512 };

export class ImageDigests implements MessageHashes {
  readonly #platform: Digest;
  #known: Known[] = [];

  constructor(platform: Digest) {
    this.#platform = platform;
  }

  /** What will be booted from now on. The bytes are not to be changed. */
  set(images: readonly Bytes[]): void {
    this.#known = images.map((image) => ({ image, digests: digestsOf(image, this.#platform) }));
  }

  find(offset: number, bytes: Uint8Array): Bytes | undefined {
    const { image } = this.#known.find((known) => agrees(known.image, offset, bytes)) ?? {};
    return image?.subarray(offset, offset + bytes.length);
  }

  digest(name: HashName, pieces: readonly Bytes[]): ArrayBuffer | Promise<ArrayBuffer> {
    const known = this.#known.find(({ image }) => covers(pieces, image))?.digests.get(name);
    if (known) return known;
    const message = joined(pieces);
    return message.length <= SMALL ? HASHES[name](message).slice().buffer : this.#platform(name, message);
  }
}

/** Whether the image has `bytes` at `offset`. By words: the images have megabytes. */
function agrees(image: Bytes, offset: number, bytes: Uint8Array): boolean {
  if (offset + bytes.length > image.length) return false;
  const at = image.byteOffset + offset;
  const words = at % 4 === 0 && bytes.byteOffset % 4 === 0 ? bytes.length >> 2 : 0;
  if (words > 0) {
    const left = new Int32Array(image.buffer, at, words);
    const right = new Int32Array(bytes.buffer, bytes.byteOffset, words);
    for (let i = 0; i < words; i++) if (left[i] !== right[i]) return false;
  }
  for (let i = words << 2; i < bytes.length; i++) if (image[offset + i] !== bytes[i]) return false;
  return true;
}

/** Whether the pieces are all of the image, one after the other. */
function covers(pieces: readonly Bytes[], image: Bytes): boolean {
  let offset = 0;
  for (const { buffer, byteOffset, length } of pieces) {
    if (buffer !== image.buffer || byteOffset !== image.byteOffset + offset) return false;
    offset += length;
  }
  return offset === image.length;
}

function joined(pieces: readonly Bytes[]): Bytes {
  if (pieces.length === 1) return pieces[0] as Bytes;
  const data = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    data.set(piece, at);
    at += piece.length;
  }
  return data;
}

function digestsOf(image: Bytes, platform: Digest): Digests {
  const digests: Digests =
    typeof Worker === "undefined"
      ? new Map(HASH_NAMES.map((name) => [name, platform(name, image)]))
      : inWorker(image, platform);
  for (const [name, due] of digests) {
    Promise.resolve(due).then(
      (value) => digests.set(name, value),
      () => undefined, // whoever asks for it is told of its failure
    );
  }
  return digests;
}

function inWorker(image: Bytes, platform: Digest): Digests {
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
