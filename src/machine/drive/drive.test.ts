import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Drive } from "./drive.ts";
import { DriveError, type DriveSource, memorySource } from "./source.ts";
import { SECTOR } from "./written.ts";

const RUNS = Number(process.env.WEBTPM_RUNS ?? 25);
/** More than the pieces that a drive keeps of its source, sparse: each sector has its own number. */
const SECTORS = 60_000;
const numbered = (sector: number) => sector % 251;

const image: DriveSource = {
  name: "disk.img",
  size: SECTORS * SECTOR,
  identity: "one",
  read: async (start, length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += SECTOR) bytes.fill(numbered((start + at) / SECTOR), at, at + SECTOR);
    return bytes;
  },
};

const read = (drive: Drive, sector: number, count: number) =>
  new Promise<Uint8Array>((resolve) => drive.get(sector * SECTOR, count * SECTOR, resolve));
const write = (drive: Drive, sector: number, data: Uint8Array) =>
  new Promise<void>((resolve) => drive.set(sector * SECTOR, data, resolve));

const access = fc.record({
  write: fc.boolean(),
  sector: fc.oneof(fc.nat(SECTORS - 301), fc.nat(400)),
  count: fc.integer({ min: 1, max: 300 }),
  value: fc.integer({ min: 1, max: 255 }),
});

describe("a drive", () => {
  it("reads what was written last, and else what its source has, in any order and after a restore", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(access, { maxLength: 40 }), async (accesses) => {
        const model = new Map<number, number>();
        let drive = new Drive(image);
        for (const { write: writes, sector, count, value } of accesses) {
          if (writes) {
            await write(drive, sector, new Uint8Array(count * SECTOR).fill(value));
            for (let i = 0; i < count; i++) model.set(sector + i, value);
            const other = new Drive(image);
            other.set_state(drive.get_state());
            drive = other;
          }
          const data = await read(drive, sector, count);
          for (let i = 0; i < count; i++) {
            const expected = model.get(sector + i) ?? numbered(sector + i);
            expect(data[i * SECTOR]).toBe(expected);
            expect(data[(i + 1) * SECTOR - 1]).toBe(expected);
          }
        }
        expect(drive.writtenBytes).toBe(model.size * SECTOR);
      }),
      { numRuns: RUNS },
    );
  });

  it("asks its source once for what is read often, and not at all for what was written", async () => {
    const asked = vi.fn(image.read);
    const drive = new Drive({ ...image, read: asked });
    await Promise.all([read(drive, 8, 4), read(drive, 9, 1)]);
    await read(drive, 10, 8);
    await write(drive, 5000, new Uint8Array(SECTOR));
    await read(drive, 5000, 1);
    expect(asked).toHaveBeenCalledTimes(1);
  });

  it("reads to the end of an image that ends within a sector", async () => {
    const bytes = new Uint8Array(3 * SECTOR + 100).fill(7);
    const data = await read(new Drive(memorySource("odd.img", bytes, "odd")), 2, 2);
    expect(data.subarray(0, SECTOR + 100).every((byte) => byte === 7)).toBe(true);
    expect(data.subarray(SECTOR + 100).every((byte) => byte === 0)).toBe(true);
  });

  it("tells of a read that fails, and goes on with that read when it is tried again", async () => {
    let there = false;
    const source = {
      ...image,
      read: async (start: number, length: number) => {
        if (!there) throw new DriveError("the server is away", "unreadable");
        return image.read(start, length);
      },
    };
    const drive = new Drive(source);
    const troubles: (() => void)[] = [];
    drive.onTrouble = (error, retry) => {
      expect(error).toMatchObject({ kind: "unreadable", message: "the server is away" });
      troubles.push(retry);
    };
    const reading = read(drive, 3, 1);
    await vi.waitUntil(() => troubles.length === 1);
    troubles[0]!();
    await vi.waitUntil(() => troubles.length === 2);
    there = true;
    troubles[1]!();
    expect((await reading)[0]).toBe(numbered(3));
  });

  it("is opened by reading its beginning, which is there at once from then on, or refused", async () => {
    const drive = new Drive(image);
    expect(drive.get_from_cache(0, SECTOR)).toBeUndefined();
    await drive.open();
    expect(drive.get_from_cache(0, 2 * SECTOR)?.[SECTOR]).toBe(numbered(1));
    const gone = new Drive({ ...image, read: () => Promise.reject(new DriveError("it is gone", "changed")) });
    expect(gone.get_from_cache(0, SECTOR)).toBeUndefined();
    await expect(gone.open()).rejects.toThrow("it is gone");
  });

  it("gives a failure of another kind its words", async () => {
    const drive = new Drive({ ...image, read: () => Promise.reject(new TypeError("no such thing")) });
    const trouble = new Promise((resolve) => {
      drive.onTrouble = resolve;
    });
    drive.get(0, SECTOR, () => expect.unreachable());
    expect(await trouble).toMatchObject({
      name: "DriveError",
      message: "disk.img could not be read: no such thing",
    });
  });
});

describe("a saved drive", () => {
  it("is refused by another one, by name, and nothing changes", async () => {
    const saved = new Drive(image);
    await write(saved, 1, new Uint8Array(SECTOR).fill(9));
    for (const other of [
      { ...image, identity: "two", name: "disk (1).img" },
      { ...image, size: image.size - SECTOR, name: "disk (1).img" },
    ]) {
      const drive = new Drive(other);
      await write(drive, 2, new Uint8Array(SECTOR).fill(8));
      expect(() => drive.set_state(saved.get_state())).toThrow(
        /drive is disk\.img, of 30720000 bytes.*disk \(1\)\.img is another one or has changed/,
      );
      expect((await read(drive, 1, 2))[0]).toBe(numbered(1));
      expect((await read(drive, 2, 1))[0]).toBe(8);
    }
  });

  it("that is damaged, or none, is refused in words", () => {
    const state = new Drive(image).get_state();
    const damaged = [...state.slice(0, 4), new Float64Array(2), new Uint8Array(SECTOR)];
    expect(() => new Drive(image).set_state(damaged)).toThrow("is damaged");
    for (const none of [[], [1], ["webtpm drive 2"], state.slice(0, 4)])
      expect(() => new Drive(image).set_state(none)).toThrow("another kind of drive");
  });

  it("of v86's own kind, with the whole image, is taken", async () => {
    const bytes = new Uint8Array(4 * SECTOR).fill(3);
    const drive = new Drive(memorySource("small.img", new Uint8Array(4 * SECTOR), "small"));
    drive.set_state([bytes.length, bytes]);
    expect((await read(drive, 0, 4)).every((byte) => byte === 3)).toBe(true);
  });
});
