/** Disks and unified kernel images, looked at by other programs than those that made them. That they boot, machine tests show. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "../command.ts";
import { efiImage } from "../secure-boot/testing.ts";
import { PARTITION_AT, systemDisk } from "./system-disk.ts";
import { unifiedKernel } from "./unified-kernel.ts";

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "webtpm-disks-"));
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

const bytes = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, at) => (Math.imul(at + seed, 2_654_435_761) >>> 24) & 0xff);

describe("a disk with a system partition", () => {
  const files = [
    { path: "EFI/BOOT/BOOTIA32.EFI", data: bytes(70_000, 1) },
    { path: "EFI/BOOT/grubia32.efi", data: bytes(5, 2) },
    { path: "EFI/debian/grub.cfg", data: bytes(900, 3) },
    { path: "vmlinuz", data: bytes(3_000_001, 4) },
  ];

  it("has one partition, of the type that firmware starts from, and every file whole", async () => {
    const image = await systemDisk(files);
    const path = join(scratch, "disk.img");
    await writeFile(path, image);
    const env = { PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    const { partitiontable } = JSON.parse(await run("sfdisk", ["--json", path], { env }));
    expect(partitiontable).toMatchObject({
      label: "gpt",
      partitions: [{ start: PARTITION_AT, type: "C12A7328-F81F-11D2-BA4B-00A0C93EC93B" }],
    });
    expect(await run("sfdisk", ["--verify", path], { env })).toContain("No errors detected");
    const listed = await run("mdir", ["-i", `${path}@@${PARTITION_AT * 512}`, "-b", "-/", "::"]);
    expect(new Set(listed.split("\n").filter((name) => !name.endsWith("/")))).toEqual(
      new Set(files.map((one) => `::/${one.path}`)),
    );
    for (const { path: name, data } of files)
      expect(Buffer.from(image).indexOf(data), name).toBeGreaterThan(0);
  });

  it("is the same whenever it is made", async () => {
    expect(Buffer.from(await systemDisk(files)).equals(await systemDisk(files))).toBe(true);
  });
});

describe("a unified kernel image", () => {
  const sections = {
    linux: bytes(5001, 5),
    osrel: "ID=x\n",
    cmdline: "console=ttyS0",
    initrd: bytes(700, 6),
  };

  it("has its parts as sections, in memory one behind the other", async () => {
    const path = join(scratch, "uki.efi");
    await writeFile(path, await unifiedKernel(efiImage(), sections));
    const list = await run("objdump", ["-h", path]);
    const found = Array.from(
      list.matchAll(/ \.(\w+) +([0-9a-f]{8}) +([0-9a-f]{8})/g),
      ([, name, size, at]) => ({
        name,
        size: Number.parseInt(size!, 16),
        at: Number.parseInt(at!, 16),
      }),
    );
    expect(found.slice(-4).map(({ name, size }) => [name, size])).toEqual(
      Object.entries(sections).map(([name, data]) => [name, data.length]),
    );
    for (const [index, { at }] of found.entries())
      if (index) expect(at).toBeGreaterThanOrEqual(found[index - 1]!.at + found[index - 1]!.size);
    await run("objcopy", ["-O", "binary", "-j", ".linux", path, `${path}.linux`]);
    expect(Buffer.from(sections.linux).equals(await readFile(`${path}.linux`))).toBe(true);
  });
});
