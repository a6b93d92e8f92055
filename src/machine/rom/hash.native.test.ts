/** The option ROM's own hash functions, run by v86, against Node's. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { tinyMachine } from "../testing/tiny-guest.ts";
import { assemble } from "./assemble.ts";

const CODE = 0x8_0000;
/** asm/layout.inc */
const SCRATCH = 0x1_0000;
const [GO, PARTS, ALGORITHM, ENGINE, DIGEST] = [0xf0, 0x30, 0x40, 0x10c, 0x3a0].map((at) => SCRATCH + at) as [
  number,
  number,
  number,
  number,
  number,
];
const DATA = [0x2_0000, 0x4_0000] as const;
const JUMP = [0xb8, 0, 0, 8, 0, 0xff, 0xe0];

const HASHES = [
  ["sha1", 0x0004, 20],
  ["sha256", 0x000b, 32],
  ["sha384", 0x000c, 48],
  ["sha512", 0x000d, 64],
] as const;

describe("hashing in the option ROM", () => {
  let machine: Awaited<ReturnType<typeof tinyMachine>>;
  const read = (address: number, size: number) => machine.emulator.read_memory(address, size).slice();
  const write = (address: number, bytes: Uint8Array) => machine.emulator.write_memory(bytes, address);
  const words = (...values: number[]) =>
    values.reduce((w, value) => w.u32le(value), new ByteWriter()).finish();

  beforeAll(async () => {
    machine = await tinyMachine(JUMP);
    write(CODE, assemble(join(import.meta.dirname, "testing/hash-test.S"), CODE));
    write(ENGINE, words(0));
    machine.bus.resume();
  });
  afterAll(() => machine.emulator.destroy());

  async function hash(algorithm: number, size: number, parts: Uint8Array[]): Promise<string> {
    parts.forEach((part, i) => {
      write(DATA[i] as number, part);
    });
    write(PARTS, words(...DATA.flatMap((address, i) => [address, parts[i]?.length ?? 0])));
    write(ALGORITHM, words(algorithm, size));
    write(GO, words(1));
    await vi.waitUntil(() => read(GO, 1)[0] === 0, { interval: 1, timeout: 20_000 });
    return Buffer.from(read(DIGEST, size)).toString("hex");
  }

  const bytes = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8) + length) & 0xff);

  it.each(HASHES)("gives %s of every length around the block sizes", async (name, id, size) => {
    for (const length of [0, 1, 3, 55, 56, 57, 63, 64, 65, 111, 112, 113, 127, 128, 129, 255, 256, 1000]) {
      const data = bytes(length);
      expect(await hash(id, size, [data]), `${length} bytes`).toBe(
        createHash(name).update(data).digest("hex"),
      );
    }
  });

  it.each(HASHES)("gives %s of a message in two parts", async (name, id, size) => {
    const [first, second] = [bytes(1024), bytes(70_001)];
    const wanted = createHash(name).update(first).update(second).digest("hex");
    expect(await hash(id, size, [first, second])).toBe(wanted);
  });

  it("gives zeros for an algorithm that it does not know", async () => {
    expect(await hash(0x0012, 32, [bytes(10)])).toBe("00".repeat(32));
  });
});
