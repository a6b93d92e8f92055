import { describe, expect, it, vi } from "vitest";
import { Drive } from "../../machine/drive/drive.ts";
import { CLUSTER, Qcow2, writeQcow2 } from "../../machine/drive/qcow2.ts";
import { memorySource } from "../../machine/drive/source.ts";
import { SECTOR } from "../../machine/drive/written.ts";
import { KeptLayer } from "../../session/drives/client.ts";
import { eachWithStorage } from "../../session/drives/testing.ts";
import { KeptDisks } from "./kept-disks.ts";

const MACHINE = "one";
/** Entries of a table of a qcow2 image that takes one cluster. */
const ENTRIES = CLUSTER / 8;

const played = eachWithStorage();

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

/** What QEMU leaves of an overlay whose guest has discarded all: a mark for each cluster, which takes no room. */
function allZeros(size: number): File {
  const tables = Math.ceil(size / CLUSTER / ENTRIES);
  const file = new Uint8Array(CLUSTER * (2 + tables));
  const view = new DataView(file.buffer);
  view.setUint32(0, 0x5146_49fb);
  view.setUint32(4, 3);
  view.setBigUint64(8, 104n);
  view.setUint32(16, "disk.img".length);
  view.setUint32(20, 16);
  view.setBigUint64(24, BigInt(size));
  view.setUint32(36, tables);
  view.setBigUint64(40, BigInt(CLUSTER));
  file.set(new TextEncoder().encode("disk.img"), 104);
  for (let table = 0; table < tables; table++) {
    const at = (2 + table) * CLUSTER;
    view.setBigUint64(CLUSTER + table * 8, BigInt(at));
    for (let entry = 0; entry < ENTRIES; entry++) view.setBigUint64(at + entry * 8, 1n);
  }
  return new File([file], "zeros.qcow2");
}

it("has no disk to give out or to wait for once its machine has ended", async () => {
  const disks = new KeptDisks();
  const layer = await KeptLayer.open({ machineId: MACHINE, head: headOf(SECTOR) });
  const drive = await new Drive(memorySource("disk.img", new Uint8Array(SECTOR), "one"), layer).open();
  disks.running = drive;
  expect(disks.running).toBe(drive);
  await drive.close();
  expect(disks.running).toBeUndefined();
  await expect(disks.export("raw", () => undefined)).rejects.toThrow("there is no machine with a disk");
});

it("forgets the disks of a machine also where this browser keeps none", async () => {
  vi.stubGlobal("navigator", { storage: {} });
  await expect(new KeptDisks().list(MACHINE)).resolves.toEqual([]);
  await expect(new KeptDisks().forgetAll(MACHINE)).resolves.toBeUndefined();
});

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

  it("is refused in words, before they are in memory, when the file's marks of zeros stand for too much", async () => {
    played.storage.room = 2 ** 20; // all of it is not to be copied, should it come to that
    const size = 512 * 2 ** 20 + CLUSTER;
    const file = allZeros(size);
    const zeros = vi.spyOn(Qcow2.prototype, "cluster");
    const importing = new KeptDisks().import(MACHINE, headOf(size), file, () => undefined);
    await expect(importing).rejects.toThrow(
      /more than 512 MiB .* qemu-img convert -O raw zeros\.qcow2 whole-disk\.img/,
    );
    expect(zeros.mock.calls.length * CLUSTER).toBe(512 * 2 ** 20);
    expect(await new KeptDisks().list(MACHINE)).toEqual([]);
  }, 60_000);
});
