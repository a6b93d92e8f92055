/** The first sectors of the Debian disk, which no program of this host has written. */
import { describe, expect, it } from "vitest";
import { bootSectors } from "./debian-disk.ts";

const SECTOR = 512;

describe("the Debian disk's first sectors", () => {
  const boot = new Uint8Array(SECTOR).fill(0xb0);
  const core = new Uint8Array(3 * SECTOR + 7).fill(0xc0);
  const sectors = bootSectors(boot, core);

  it("hold GRUB's first code, a disk signature, the table and its mark", () => {
    expect(sectors.subarray(0, 440).every((byte) => byte === 0xb0)).toBe(true);
    expect(sectors.readUInt32LE(440)).not.toBe(0);
    expect(sectors.readUInt16LE(510)).toBe(0xaa55);
    expect(Buffer.compare(sectors.subarray(SECTOR), core)).toBe(0);
  });

  it("name two partitions side by side, the first of them to boot from", () => {
    const [root, second] = [446, 462].map((at) => ({
      active: sectors[at],
      type: sectors[at + 4],
      from: sectors.readUInt32LE(at + 8),
      size: sectors.readUInt32LE(at + 12),
    }));
    expect(root).toMatchObject({ active: 0x80, type: 0x83, from: 2048 });
    expect(second).toMatchObject({ active: 0, type: 0x83, from: root!.from + root!.size });
  });

  it("have no room for a core that would reach into the first partition", () => {
    expect(() => bootSectors(boot, new Uint8Array(2048 * SECTOR))).toThrow("too large");
  });
});
