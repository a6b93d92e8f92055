import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CLUSTER, writeQcow2 } from "../../machine/drive/qcow2.ts";
import { SECTOR } from "../../machine/drive/written.ts";
import { KeptLayer } from "../../session/drives/client.ts";
import { TestStorage } from "../../session/drives/testing.ts";
import { KeptDisks } from "./kept-disks.ts";

const MACHINE = "one";

beforeEach(() => {
  new TestStorage();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const headOf = (size: number) => ({ slot: "hda", name: "disk.img", identity: `of ${size} bytes`, size });

/** What an export gives out of a disk of which these clusters were written, each full of its number and one. */
async function changes(size: number, clusters: number[]): Promise<File> {
  let file = new Uint8Array();
  const read = async (start: number, length: number) => new Uint8Array(length).fill(start / CLUSTER + 1);
  await writeQcow2({ size, clusters, read, backing: "disk.img" }, async (position, bytes) => {
    const longer = new Uint8Array(Math.max(file.length, position + bytes.length));
    longer.set(file);
    longer.set(bytes, position);
    file = longer;
  });
  return new File([file], "disk-changes.qcow2");
}

describe("an import of what was written to a disk", () => {
  it("keeps the end of a disk that ends within a sector", async () => {
    for (const size of [CLUSTER + 8 * SECTOR + 100, CLUSTER + 9 * SECTOR + 100, CLUSTER + 1, 3 * SECTOR]) {
      const head = headOf(size);
      const last = Math.ceil(size / CLUSTER) - 1;
      await new KeptDisks().import(MACHINE, head, await changes(size, [last]), () => undefined);
      const layer = await KeptLayer.open({ machineId: MACHINE, head });
      const end = await layer.overlay(last * CLUSTER, new Uint8Array(16 * SECTOR));
      const length = size - last * CLUSTER;
      expect(end.subarray(0, length).every((byte) => byte === last + 1)).toBe(true);
      expect(end.subarray(length).every((byte) => byte === 0)).toBe(true);
      await layer.close();
    }
  });
});
