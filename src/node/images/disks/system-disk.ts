/**
 * Disk images as firmware starts from them: a GUID partition table with one partition, the EFI system partition
 * (UEFI 2.10, section 13.3), and in its FAT file system the files that are given. Made by sfdisk and mtools; equal files
 * give equal images.
 */
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type CommandOptions, run } from "../command.ts";
import { inScratch } from "../scratch.ts";

export interface SystemFile {
  /** From the partition's root, with slashes. */
  path: string;
  data: Uint8Array;
}

const SECTOR = 512;
const MIB = 2 ** 20;
/** Where the partition begins, in sectors: partitions are aligned to 1 MiB. */
export const PARTITION_AT = MIB / SECTOR;
/** What the second table at the disk's end takes, in sectors. */
const BACKUP_TABLE = 34;
/** For FAT, directories, and what firmware may write there. */
const ROOM = 2 * MIB;

/** Fixed, so that equal files give an equal image. */
const DISK_ID = "77656274-706d-4e0b-9d9a-2c6a5f3d1e02";
const PARTITION_ID = "77656274-706d-4e0b-9d9a-2c6a5f3d1e03";
const SERIAL_NUMBER = "57454254";
const DATE = Date.UTC(2026, 0, 1) / 1000;
/** Its type. */
const EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

const TOOLS: CommandOptions = {
  // sfdisk is where root alone looks for programs.
  env: {
    PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
    SOURCE_DATE_EPOCH: String(DATE),
    MTOOLSRC: "/dev/null",
  },
};

const partitionTable = (sectors: number) =>
  [
    "label: gpt",
    `label-id: ${DISK_ID}`,
    `start=${PARTITION_AT}, size=${sectors}, type=${EFI_SYSTEM}, uuid=${PARTITION_ID}, name="EFI system partition"`,
    "",
  ].join("\n");

/**
 * @returns the whole image.
 * @throws {CommandError} when a tool is not there.
 */
export async function systemDisk(files: readonly SystemFile[]): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = files.reduce((sum, { data }) => sum + data.length, ROOM);
  const sectors = Math.ceil(bytes / MIB) * (MIB / SECTOR);
  return inScratch("disk", async (scratch) => {
    const [image, table, tree] = ["disk.img", "table", "tree"].map((name) => join(scratch, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(image, "");
    await truncate(image, (PARTITION_AT + sectors + BACKUP_TABLE) * SECTOR);
    await writeFile(table, partitionTable(sectors));
    // The tool reads its script from standard input only.
    await run("sh", ["-c", 'sfdisk --quiet "$1" < "$2"', "sh", image, table], TOOLS);
    const partition = ["-i", `${image}@@${PARTITION_AT * SECTOR}`];
    const geometry = ["-T", String(sectors), "-h", "64", "-s", "32"];
    await run("mformat", [...partition, ...geometry, "-v", "EFI", "-N", SERIAL_NUMBER, "::"], TOOLS);
    const made = new Set([".", ""]);
    for (const { path, data } of files) {
      for (const folder of parents(path).filter((one) => !made.has(one))) {
        await run("mmd", [...partition, `::/${folder}`], TOOLS);
        made.add(folder);
      }
      const source = join(tree, path);
      await mkdir(dirname(source), { recursive: true });
      await writeFile(source, data);
      await run("mcopy", [...partition, source, `::/${dirname(path)}/${basename(path)}`], TOOLS);
    }
    return new Uint8Array(await readFile(image));
  });
}

/** The folders above a file, the outermost first. */
function parents(path: string): string[] {
  const names = dirname(path).split("/");
  return names.map((_, index) => names.slice(0, index + 1).join("/"));
}
