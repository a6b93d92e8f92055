/** Hashes one message by all algorithms, each told as soon as it is known. */
import { HASH_NAMES, type HashName } from "./hash-engine.ts";

export interface DigestAnswer {
  name: HashName;
  digest: ArrayBuffer;
}

self.onmessage = async ({ data }: MessageEvent<Uint8Array<ArrayBuffer>>) => {
  for (const name of HASH_NAMES) {
    const answer: DigestAnswer = { name, digest: await crypto.subtle.digest(name, data) };
    self.postMessage(answer);
  }
};
