import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { HASH_NAMES, platformDigest } from "./hash-engine.ts";
import { ImageDigests } from "./image-digests.ts";

const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7) & 0xff);
const wanted = (name: string, data: Uint8Array) =>
  createHash(name.replace("-", "").toLowerCase()).update(data).digest("hex");
const hex = (digest: ArrayBuffer) => Buffer.from(digest).toString("hex");

function start() {
  const [kernel, initrd] = [bytes(100_003), bytes(9000).reverse()];
  const digests = new ImageDigests(platformDigest()!);
  digests.set([kernel, initrd]);
  /** As the hash engine does: each piece found, or copied. */
  const take = (message: Uint8Array, cuts: number[]) => {
    const ends = [...cuts, message.length];
    return ends.map((end, i) => {
      const offset = ends[i - 1] ?? 0;
      const piece = message.slice(offset, end);
      return digests.find(offset, piece) ?? piece;
    });
  };
  return { digests, kernel, initrd, take };
}

describe("the digests of what will be booted", () => {
  it("are those of the bytes that are asked for, an image's or not", async () => {
    const { digests, kernel, initrd, take } = start();
    const changed = kernel.slice();
    changed[100_002]! ^= 1;
    const messages = [
      kernel,
      initrd,
      changed,
      bytes(70),
      kernel.subarray(0, 50_000),
      bytes(100_003).subarray(1),
    ];
    for (const message of messages) {
      for (const cuts of [[], [512], [497, 1024, 1025]]) {
        for (const name of HASH_NAMES) {
          const pieces = take(
            message,
            cuts.filter((cut) => cut < message.length),
          );
          expect(hex(await digests.digest(name, pieces))).toBe(wanted(name, message));
        }
      }
    }
  });

  it("are there at once when they have had time, and small messages' in any case", async () => {
    const { digests, kernel, take } = start();
    for (const name of HASH_NAMES) await digests.digest(name, take(kernel, []));
    expect(digests.digest("SHA-256", take(kernel, [512]))).toBeInstanceOf(ArrayBuffer);
    expect(digests.digest("SHA-256", [bytes(70)])).toBeInstanceOf(ArrayBuffer);
  });

  it("follow the images", async () => {
    const { digests, kernel, take } = start();
    digests.set([bytes(5000)]);
    expect(hex(await digests.digest("SHA-1", take(kernel, [])))).toBe(wanted("SHA-1", kernel));
    expect(hex(await digests.digest("SHA-1", take(bytes(5000), [])))).toBe(wanted("SHA-1", bytes(5000)));
  });
});
