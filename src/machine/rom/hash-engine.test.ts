import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { type Digest, HASH_ENGINE_WINDOW, HashEngine, platformDigest } from "./hash-engine.ts";

const BASE = HASH_ENGINE_WINDOW.base;
const [IDLE, BUSY, DONE, FAILED] = [0, 1, 2, 3];
const memory = Uint8Array.from({ length: 4096 }, (_, i) => i & 0xff);
const readMemory = (address: number, length: number) => {
  if (address + length > memory.length) throw new RangeError("no such memory");
  return memory.subarray(address, address + length);
};

function engine(digest = platformDigest() as Digest) {
  const device = new HashEngine(readMemory, {
    find: () => undefined,
    digest: (name, pieces) => digest(name, new Uint8Array(Buffer.concat(pieces))),
  });
  const set = (offset: number, value: number) => device.write(BASE + offset, 4, value);
  const status = () => device.read(BASE + 0x10, 4);
  const settled = async () => {
    await vi.waitUntil(() => status() !== BUSY, { interval: 1, timeout: 20_000 });
    return status();
  };
  const digestText = (size: number) =>
    Array.from({ length: size }, (_, i) =>
      device
        .read(BASE + 0x40 + i, 1)
        .toString(16)
        .padStart(2, "0"),
    ).join("");
  const begin = () => set(0x10, 1);
  const hash = (algorithm: number) => {
    set(0x04, algorithm);
    set(0x10, 2);
  };
  const take = (address: number, size: number) => {
    set(0x08, address);
    set(0x0c, size);
  };
  return { device, begin, hash, status, settled, digestText, take };
}

describe("the hash engine", () => {
  it.each([
    ["sha1", 4, 20],
    ["sha256", 0xb, 32],
    ["sha384", 0xc, 48],
    ["sha512", 0xd, 64],
  ] as const)("hashes guest memory by %s, in pieces", async (name, id, size) => {
    const { begin, hash, status, settled, digestText, take } = engine();
    begin();
    take(100, 512);
    take(2000, 7);
    take(0, 0);
    hash(id);
    expect(status()).toBe(BUSY);
    expect(await settled()).toBe(DONE);
    const wanted = createHash(name).update(memory.subarray(100, 612)).update(memory.subarray(2000, 2007));
    expect(digestText(size)).toBe(wanted.digest("hex"));
  });

  it("hashes a message by one algorithm after the other, as it was when it was taken", async () => {
    const { begin, hash, settled, digestText, take } = engine();
    memory[0] = 0x55;
    begin();
    take(0, 4);
    memory[0] = 0;
    const wanted = (name: string) =>
      createHash(name)
        .update(Uint8Array.of(0x55, 1, 2, 3))
        .digest("hex");
    hash(0xb);
    await settled();
    expect(digestText(32)).toBe(wanted("sha256"));
    hash(4);
    await settled();
    expect(digestText(20)).toBe(wanted("sha1"));
    expect(digestText(32).slice(40)).toBe("00".repeat(12));
  });

  it("fails for what it cannot do, and begins anew", async () => {
    const { device, begin, hash, status, settled, take } = engine();
    expect(device.read(BASE, 4)).toBe(0x4548_5457);
    hash(0x12);
    expect(status()).toBe(FAILED);
    begin();
    take(4000, 1000);
    expect(status()).toBe(FAILED);
    hash(4);
    expect(status()).toBe(FAILED);
    begin();
    expect(status()).toBe(IDLE);
    device.write(BASE + 0x10, 1, 2);
    expect(status()).toBe(IDLE);
    hash(4);
    expect(await settled()).toBe(DONE);
    const broken = engine(() => Promise.reject(new Error("no")));
    broken.hash(4);
    expect(await broken.settled()).toBe(FAILED);
  });

  it("drops the late answer to an old message", async () => {
    const answers: ((digest: ArrayBuffer) => void)[] = [];
    const { begin, hash, status, digestText } = engine(() => new Promise((resolve) => answers.push(resolve)));
    hash(4);
    begin();
    answers[0]?.(new Uint8Array(20).fill(9).buffer);
    await Promise.resolve();
    expect(status()).toBe(IDLE);
    expect(digestText(4)).toBe("00000000");
  });
});
