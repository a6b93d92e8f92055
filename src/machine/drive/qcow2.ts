/**
 * Disk images as QEMU has them (qcow2, version 3; QEMU's docs/interop/qcow2.txt): only what is not zero takes room, and
 * an image may lie over another file. Written here from beginning to end, so that it can go to a file piece by piece.
 */

import { viewOf } from "../../protocol/bytes/view.ts";
import { DriveError, type DriveSource } from "./source.ts";

export const CLUSTER = 65_536;
const CLUSTER_BITS = 16;
/** "QFI" and FBh. */
const MAGIC = 0x5146_49fb;
const HEADER_BYTES = 104;
/** Entries of a table that takes one cluster. */
const ENTRIES = CLUSTER / 8;
/** Reference counts of 16 bits in a cluster. */
const COUNTS = CLUSTER / 2;
/** Nobody else refers to the cluster: it may be written in place. */
const COPIED = 1n << 63n;
const OFFSET = 0x00ff_ffff_ffff_fe00n;
const COMPRESSED = 1n << 62n;
/** The cluster reads as zeros. */
const ZERO = 1n;
/** Header extension: the format of the file below. */
const BACKING_FORMAT = 0xe279_2aca;

export interface Qcow2Content {
  /** In bytes. */
  size: number;
  /** Numbers of the clusters to be written; what is all zeros is left out where nothing lies below. */
  clusters: Iterable<number>;
  read(start: number, length: number): Promise<Uint8Array>;
  /** Name of the raw file that it lies over. */
  backing?: string;
}

export type WriteAt = (position: number, bytes: Uint8Array) => Promise<void>;

/** Writes an image. */
export async function writeQcow2({ size, clusters, read, backing }: Qcow2Content, write: WriteAt) {
  const l2Count = Math.ceil(size / CLUSTER / ENTRIES);
  const l1Clusters = Math.max(1, Math.ceil(l2Count / ENTRIES));
  const l1 = new BigUint64Array(l1Clusters * ENTRIES);
  let next = 1 + l1Clusters;
  const l2 = { index: -1, entries: new BigUint64Array(ENTRIES) };
  const finishL2 = async () => {
    if (l2.index < 0) return;
    l1[l2.index] = BigInt(next * CLUSTER) | COPIED;
    await write(next++ * CLUSTER, bigEndian(l2.entries));
  };
  for (const number of clusters) {
    const start = number * CLUSTER;
    const data = await read(start, Math.min(CLUSTER, size - start));
    if (backing === undefined && isZero(data)) continue;
    const index = Math.floor(number / ENTRIES);
    if (index !== l2.index) {
      await finishL2();
      l2.index = index;
      l2.entries.fill(0n);
    }
    l2.entries[number % ENTRIES] = BigInt(next * CLUSTER) | COPIED;
    const whole = new Uint8Array(CLUSTER);
    whole.set(data);
    await write(next++ * CLUSTER, whole);
  }
  await finishL2();
  await write(CLUSTER, bigEndian(l1));
  const { table, tableClusters } = await writeCounts(next, write);
  await write(0, header({ size, l1Size: l2Count, table, tableClusters, backing }));
}

/** Reference counts of all clusters so far, and of their own: one each. @returns where their table is. */
async function writeCounts(used: number, write: WriteAt): Promise<{ table: number; tableClusters: number }> {
  let blocks = 0;
  let tableClusters = 0;
  const total = () => used + blocks + tableClusters;
  while (blocks * COUNTS < total() || tableClusters * ENTRIES < blocks) {
    blocks = Math.ceil(total() / COUNTS);
    tableClusters = Math.ceil(blocks / ENTRIES);
  }
  const counts = new Uint8Array(blocks * CLUSTER);
  for (let cluster = 0; cluster < total(); cluster++) counts[2 * cluster + 1] = 1;
  await write(used * CLUSTER, counts);
  const table = new BigUint64Array(tableClusters * ENTRIES);
  for (let block = 0; block < blocks; block++) table[block] = BigInt((used + block) * CLUSTER);
  await write((used + blocks) * CLUSTER, bigEndian(table));
  return { table: (used + blocks) * CLUSTER, tableClusters };
}

interface HeaderFields {
  size: number;
  l1Size: number;
  table: number;
  tableClusters: number;
  backing: string | undefined;
}

function header({ size, l1Size, table, tableClusters, backing }: HeaderFields): Uint8Array {
  const bytes = new Uint8Array(CLUSTER);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, 3);
  view.setUint32(20, CLUSTER_BITS);
  view.setBigUint64(24, BigInt(size));
  view.setUint32(36, l1Size);
  view.setBigUint64(40, BigInt(CLUSTER));
  view.setBigUint64(48, BigInt(table));
  view.setUint32(56, tableClusters);
  view.setUint32(96, 4); // counts of 2^4 bits
  view.setUint32(100, HEADER_BYTES);
  if (backing === undefined) return bytes;
  const text = new TextEncoder();
  view.setUint32(HEADER_BYTES, BACKING_FORMAT);
  view.setUint32(HEADER_BYTES + 4, 3);
  bytes.set(text.encode("raw"), HEADER_BYTES + 8);
  const name = text.encode(backing);
  const at = HEADER_BYTES + 16 + 8; // behind the end of the extensions
  bytes.set(name, at);
  view.setBigUint64(8, BigInt(at));
  view.setUint32(16, name.length);
  return bytes;
}

function isZero(data: Uint8Array): boolean {
  const words = Math.floor(data.length / 4);
  // Eight times as fast as byte by byte; what is read is aligned or copied.
  const wide = data.byteOffset % 4 ? data.slice() : data;
  const view = new Uint32Array(wide.buffer, wide.byteOffset, words);
  for (let at = 0; at < words; at++) if (view[at]) return false;
  return wide.subarray(words * 4).every((byte) => byte === 0);
}

function bigEndian(values: BigUint64Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    if (value) view.setBigUint64(index * 8, value);
  });
  return bytes;
}

/** An image that was opened. */
export class Qcow2 {
  /** In bytes. */
  readonly size: number;
  /** Name of the file that it lies over. */
  readonly backing: string | undefined;
  readonly clusterSize: number;
  readonly #read: Qcow2Content["read"];
  readonly #l1: DataView;
  readonly #l2 = new Map<number, DataView>();

  private constructor(
    read: Qcow2Content["read"],
    l1: DataView,
    head: { size: number; clusterSize: number; backing: string | undefined },
  ) {
    this.#read = read;
    this.#l1 = l1;
    this.size = head.size;
    this.clusterSize = head.clusterSize;
    this.backing = head.backing;
  }

  static is(beginning: Uint8Array): boolean {
    return beginning.length >= 4 && viewOf(beginning).getUint32(0) === MAGIC;
  }

  /**
   * @param fileSize of the image's file, in bytes
   * @param read of that file
   * @throws {DriveError} for an image of a kind that is not read here.
   */
  static async open(name: string, fileSize: number, read: Qcow2Content["read"]): Promise<Qcow2> {
    const refuse = (why: string) => new DriveError(`the disk image ${name} ${why}`, "unreadable");
    const bytes = await read(0, Math.min(fileSize, CLUSTER));
    const view = viewOf(bytes);
    if (!Qcow2.is(bytes) || bytes.length < HEADER_BYTES) throw refuse("is no qcow2 image");
    const version = view.getUint32(4);
    const clusterBits = view.getUint32(20);
    if (version !== 2 && version !== 3)
      throw refuse(`is of qcow2's version ${version}; 2 and 3 are known here`);
    if (clusterBits < 9 || clusterBits > 21) throw refuse("is damaged: the size of its clusters is none");
    if (view.getUint32(32) !== 0)
      throw refuse("is encrypted; convert it: qemu-img convert -O raw IMAGE disk.img");
    const features = version === 3 ? view.getBigUint64(72) : 0n;
    // Bit 0: not closed properly, which says nothing of what is read here.
    if (features & ~1n)
      throw refuse(
        "has features that are not known here; convert it: qemu-img convert -O raw IMAGE disk.img",
      );
    const size = Number(view.getBigUint64(24));
    const l1Size = view.getUint32(36);
    const l1At = Number(view.getBigUint64(40));
    const clusterSize = 2 ** clusterBits;
    const needed = Math.ceil(size / clusterSize / (clusterSize / 8));
    if (l1Size < needed || l1At + l1Size * 8 > fileSize) throw refuse("is damaged: its table is not there");
    const backingAt = Number(view.getBigUint64(8));
    const backing = backingAt
      ? new TextDecoder().decode(bytes.subarray(backingAt, backingAt + view.getUint32(16)))
      : undefined;
    const l1 = viewOf(await read(l1At, l1Size * 8));
    return new Qcow2(read, l1, { size, clusterSize, backing });
  }

  /** @returns the cluster's bytes, or undefined where the image has none. @throws {DriveError} */
  async cluster(number: number): Promise<Uint8Array | undefined> {
    const entries = this.clusterSize / 8;
    const table = await this.#table(Math.floor(number / entries));
    const entry = table?.getBigUint64((number % entries) * 8) ?? 0n;
    if (entry & COMPRESSED)
      throw new DriveError(
        "this disk image is compressed; convert it: qemu-img convert -O raw IMAGE disk.img",
        "unreadable",
      );
    if (entry & ZERO) return new Uint8Array(this.clusterSize);
    const at = Number(entry & OFFSET);
    return at ? this.#read(at, this.clusterSize) : undefined;
  }

  /** Numbers of the clusters that the image has, ascending. */
  async *clusters(): AsyncGenerator<number> {
    const count = Math.ceil(this.size / this.clusterSize);
    const entries = this.clusterSize / 8;
    for (let first = 0; first < count; first += entries) {
      const table = await this.#table(first / entries);
      for (let index = 0; table && index < Math.min(entries, count - first); index++) {
        if (table.getBigUint64(index * 8) & (OFFSET | COMPRESSED | ZERO)) yield first + index;
      }
    }
  }

  async #table(index: number): Promise<DataView | undefined> {
    const known = this.#l2.get(index);
    if (known) return known;
    const at = Number(this.#l1.getBigUint64(index * 8) & OFFSET);
    if (!at) return undefined;
    const table = viewOf(await this.#read(at, this.clusterSize));
    if (this.#l2.size >= 64) this.#l2.delete(this.#l2.keys().next().value as number);
    this.#l2.set(index, table);
    return table;
  }
}

/**
 * A disk whose content is an image that was opened.
 * @param identity the same for the same file
 * @throws {DriveError} for an image that lies over another file, which is not here.
 */
export function qcow2Source(image: Qcow2, name: string, identity: string): DriveSource {
  if (image.backing !== undefined)
    throw new DriveError(
      `the disk image ${name} holds only what was written over ${image.backing}: choose that one, and import this one where the machine's disks are shown`,
      "unreadable",
    );
  const { size, clusterSize } = image;
  return {
    name,
    size,
    identity,
    async read(start, length) {
      const data = new Uint8Array(length);
      for (let at = start - (start % clusterSize); at < start + length; at += clusterSize) {
        const cluster = await image.cluster(at / clusterSize);
        const from = Math.max(start, at);
        const to = Math.min(start + length, at + clusterSize);
        if (cluster) data.set(cluster.subarray(from - at, to - at), from - start);
      }
      return data;
    },
  };
}
