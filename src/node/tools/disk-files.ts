/** Files on the disks that UEFI firmware starts from, as tests look at them and tamper with them; by mtools. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../images/command.ts";
import { PARTITION_AT } from "../images/disks/system-disk.ts";
import { inScratch } from "../images/scratch.ts";

/** @param path from the partition's root, with slashes. @throws {CommandError} when there is no such file. */
export async function diskFile(disk: Uint8Array, path: string): Promise<Buffer> {
  return inScratch("disk", async (scratch) => {
    const [image, file] = [join(scratch, "disk.img"), join(scratch, "file")];
    await writeFile(image, disk);
    await run("mcopy", ["-i", `${image}@@${PARTITION_AT * 512}`, `::/${path}`, file]);
    return await readFile(file);
  });
}

/** The disk with one bit of a file changed: the lowest one of the byte at `at`. The file's sectors follow one another. */
export async function withBitChanged(
  disk: Uint8Array,
  path: string,
  at: (file: Buffer) => number,
): Promise<Uint8Array> {
  const file = await diskFile(disk, path);
  const begin = Buffer.from(disk).indexOf(file);
  const position = begin + at(file);
  return Uint8Array.from(disk).with(position, disk[position]! ^ 1);
}

/** A section of an EFI image, as objcopy finds it. */
export async function imageSection(image: Uint8Array, name: string): Promise<Buffer> {
  return inScratch("section", async (scratch) => {
    const [from, to] = [join(scratch, "image"), join(scratch, "section")];
    await writeFile(from, image);
    await run("objcopy", ["-O", "binary", "-j", name, from, to]);
    return await readFile(to);
  });
}
