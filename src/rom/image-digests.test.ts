import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { HASH_NAMES } from "./hash-engine.ts";
import { ImageDigests } from "./image-digests.ts";

const image = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
const wanted = (name: string, data: Uint8Array) =>
  createHash(name.replace("-", "").toLowerCase()).update(data).digest("hex");
const hex = (digest: ArrayBuffer) => Buffer.from(digest).toString("hex");

describe("the digests of what will be booted", () => {
  it("are those of the bytes that are asked for, the image's or not", async () => {
    const digests = new ImageDigests();
    digests.set([image(1003), image(64)]);
    const digest = digests.digest()!;
    for (const name of HASH_NAMES) {
      expect(hex(await digest(name, image(1003)))).toBe(wanted(name, image(1003)));
      for (const at of [0, 500, 1002]) {
        const changed = image(1003);
        changed[at]! ^= 1;
        expect(hex(await digest(name, changed))).toBe(wanted(name, changed));
      }
      // Not aligned to words.
      const odd = image(70).subarray(1, 65);
      expect(hex(await digest(name, odd))).toBe(wanted(name, odd));
      expect(hex(await digest(name, image(64)))).toBe(wanted(name, image(64)));
    }
  });
});
