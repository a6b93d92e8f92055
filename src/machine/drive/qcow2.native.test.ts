/** Disk images for QEMU, looked at by QEMU's own tool. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CLUSTER, Qcow2, type Qcow2Content, writeQcow2 } from "./qcow2.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "webtpm-qcow2-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const img = (...args: string[]) =>
  execFileSync("qemu-img", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

function contentOf(bytes: Uint8Array): Omit<Qcow2Content, "clusters"> {
  return { size: bytes.length, read: async (start, length) => bytes.subarray(start, start + length) };
}

const all = (size: number) => Array.from({ length: Math.ceil(size / CLUSTER) }, (_, number) => number);

async function make(name: string, content: Qcow2Content): Promise<string> {
  const path = join(folder, name);
  const file = openSync(path, "w");
  await writeQcow2(content, async (position, bytes) => {
    writeSync(file, bytes, 0, bytes.length, position);
  });
  return path;
}

async function open(path: string): Promise<Qcow2> {
  const file = readFileSync(path);
  return Qcow2.open("it", file.length, async (start, length) => file.subarray(start, start + length));
}

async function contents(image: Qcow2): Promise<Uint8Array> {
  const whole = new Uint8Array(Math.ceil(image.size / image.clusterSize) * image.clusterSize);
  for await (const number of image.clusters()) {
    const data = await image.cluster(number);
    if (data) whole.set(data, number * image.clusterSize);
  }
  return whole.subarray(0, image.size);
}

/** Something here and there, up to the last byte, in more than one table's reach. */
function sample(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (const at of [0, 70_000, 5 * CLUSTER, size - 1]) bytes[at] = 1 + (at % 200);
  return bytes;
}

describe("a qcow2 image", () => {
  it("is in order for QEMU, and has what the disk has", async () => {
    for (const size of [512, 3 * CLUSTER, 20 * 2 ** 20 + 512]) {
      const bytes = sample(size);
      const path = await make("whole.qcow2", { ...contentOf(bytes), clusters: all(size) });
      expect(img("check", path)).toContain("No errors were found on the image");
      writeFileSync(join(folder, "whole.img"), bytes);
      expect(img("compare", "-f", "qcow2", "-F", "raw", path, "whole.img")).toContain("identical");
      expect(Buffer.compare(await contents(await open(path)), bytes)).toBe(0);
    }
  });

  it("reaches as far as it says: with something in the reach of its second table and at its end", async () => {
    const size = 40 * 2 ** 30 + 512;
    const clusters = [0, 8191, 8192, Math.floor(size / CLUSTER)];
    const read = async (start: number, length: number) =>
      new Uint8Array(length).fill(1 + ((start / CLUSTER) % 255));
    const path = await make("far.qcow2", { size, clusters, read });
    expect(img("check", path)).toContain("No errors were found on the image");
    const image = await open(path);
    const found: number[] = [];
    for await (const number of image.clusters()) found.push(number);
    expect(found).toEqual(clusters);
    for (const number of clusters) expect((await image.cluster(number))?.[0]).toBe(1 + (number % 255));
    expect(await image.cluster(1)).toBeUndefined();
  });

  it("holds what was written alone, over the image that it was written over", async () => {
    const size = 700 * CLUSTER;
    const below = sample(size);
    const now = below.slice();
    now.fill(0, 5 * CLUSTER, 6 * CLUSTER);
    now[600 * CLUSTER + 5] = 9;
    writeFileSync(join(folder, "base.img"), below);
    writeFileSync(join(folder, "now.img"), now);
    const content = { ...contentOf(now), clusters: [5, 600], backing: "base.img" };
    const path = await make("changes.qcow2", content);
    expect(img("check", path)).toContain("No errors were found on the image");
    expect(img("compare", "-f", "qcow2", "-F", "raw", path, "now.img")).toContain("identical");
    expect(JSON.parse(img("info", "--output=json", path))).toMatchObject({
      "virtual-size": size,
      "backing-filename": "base.img",
      "backing-filename-format": "raw",
    });
    expect((await open(path)).backing).toBe("base.img");
  });

  it("that QEMU has made is read, with clusters of any size; a packed one is refused in words", async () => {
    const bytes = sample(20 * 2 ** 20);
    writeFileSync(join(folder, "from.img"), bytes);
    for (const options of ["cluster_size=512", "cluster_size=2M", "compat=0.10"]) {
      img("convert", "-f", "raw", "-O", "qcow2", "-o", options, "from.img", "from.qcow2");
      const read = await contents(await open(join(folder, "from.qcow2")));
      expect(Buffer.compare(read, bytes)).toBe(0);
    }
    img("convert", "-c", "-f", "raw", "-O", "qcow2", "from.img", "packed.qcow2");
    await expect(open(join(folder, "packed.qcow2")).then(contents)).rejects.toThrow("is compressed");
    await expect(open(join(folder, "from.img"))).rejects.toThrow("is no qcow2 image");
  });
});
