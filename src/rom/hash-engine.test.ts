import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type Digest, HASH_ENGINE_WINDOW, HashEngine, platformDigest } from "./hash-engine.ts";

const BASE = HASH_ENGINE_WINDOW.base;
const [IDLE, BUSY, DONE, FAILED] = [0, 1, 2, 3];
const memory = Uint8Array.from({ length: 4096 }, (_, i) => i & 0xff);
const readMemory = (address: number, length: number) => {
  if (address + length > memory.length) throw new RangeError("no such memory");
  return memory.subarray(address, address + length);
};

function engine(digest = platformDigest() as Digest) {
  const device = new HashEngine(readMemory, digest);
  const set = (offset: number, value: number) => device.write(BASE + offset, 4, value);
  const status = () => device.read(BASE + 0x10, 4);
  const settled = async () => {
    while (status() === BUSY) await new Promise((resolve) => setTimeout(resolve, 1));
    return status();
  };
  const digestText = (size: number) =>
    Array.from({ length: size }, (_, i) =>
      device
        .read(BASE + 0x40 + i, 1)
        .toString(16)
        .padStart(2, "0"),
    ).join("");
  const take = (address: number, size: number) => {
    set(0x08, address);
    set(0x0c, size);
  };
  return { device, set, status, settled, digestText, take };
}

describe("the hash engine", () => {
  it.each([
    ["sha1", 4, 20],
    ["sha256", 0xb, 32],
    ["sha384", 0xc, 48],
    ["sha512", 0xd, 64],
  ] as const)("hashes guest memory by %s, in pieces", async (name, id, size) => {
    const { set, status, settled, digestText, take } = engine();
    set(0x04, id);
    take(100, 512);
    take(2000, 7);
    take(0, 0);
    set(0x10, 1);
    expect(status()).toBe(BUSY);
    expect(await settled()).toBe(DONE);
    const wanted = createHash(name).update(memory.subarray(100, 612)).update(memory.subarray(2000, 2007));
    expect(digestText(size)).toBe(wanted.digest("hex"));
  });

  it("takes the memory as it is when it is asked", async () => {
    const { set, settled, digestText, take } = engine();
    set(0x04, 0xb);
    take(0, 4);
    memory[0] = 0x55;
    set(0x10, 1);
    await settled();
    memory[0] = 0;
    expect(digestText(32)).toBe(
      createHash("sha256")
        .update(Uint8Array.of(0, 1, 2, 3))
        .digest("hex"),
    );
  });

  it("fails for what it cannot do, and begins anew", async () => {
    const { device, set, status, settled, take } = engine();
    expect(device.read(BASE, 4)).toBe(0x4548_5457);
    set(0x04, 0x12);
    expect(status()).toBe(FAILED);
    set(0x10, 1);
    expect(status()).toBe(FAILED);
    set(0x04, 4);
    take(4000, 1000);
    expect(status()).toBe(FAILED);
    set(0x04, 4);
    expect(status()).toBe(IDLE);
    device.write(BASE + 0x10, 1, 1);
    expect(status()).toBe(IDLE);
    set(0x10, 1);
    expect(await settled()).toBe(DONE);
    const broken = engine(() => Promise.reject(new Error("no")));
    broken.set(0x04, 4);
    broken.set(0x10, 1);
    expect(await broken.settled()).toBe(FAILED);
  });

  it("drops the late answer to an old message", async () => {
    const answers: ((digest: ArrayBuffer) => void)[] = [];
    const { set, status, digestText } = engine(() => new Promise((resolve) => answers.push(resolve)));
    set(0x04, 4);
    set(0x10, 1);
    set(0x04, 4);
    answers[0]?.(new Uint8Array(20).fill(9).buffer);
    await Promise.resolve();
    expect(status()).toBe(IDLE);
    expect(digestText(4)).toBe("00000000");
  });
});
