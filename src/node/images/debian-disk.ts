/**
 * Debian as people have it on a PC: a disk with GRUB, systemd and Debian's own kernel, and the tools for TPMs. What goes
 * into it are whole packages with all that they depend on, as the archive has them on that day; `mmdebstrap` (Debian)
 * fetches and unpacks them. Takes some minutes, once, and needs root or user namespaces (package `uidmap`).
 */
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { ImageSource } from "../../session/images/manifest.ts";
import { sourcesUrl } from "./apt.ts";
import { AptLists } from "./apt-lists.ts";
import { type Cache, contentKey } from "./cache.ts";
import { run } from "./command.ts";
import type { Produced } from "./produce.ts";
import { inScratch } from "./scratch.ts";
import type { KernelBuildOptions } from "./small-kernel.ts";
import { ARCHITECTURE, SUITE } from "./versions.ts";

export const DEBIAN_DISK = "debian.img";

/** Guest RAM that it was tried with, in bytes: Debian's initrd alone unpacks to more than a hundred megabytes. */
export const DEBIAN_MEMORY = 512 * 2 ** 20;

const CUSTOMIZE = fileURLToPath(new URL("debian/customize.sh", import.meta.url));
/** Changed by hand when this file changes what is made; the text of this file is not part of the key. */
const RECIPE = "1";

/** What is asked for, beside a system as debootstrap makes it; dependencies come along. */
const PACKAGES = [
  ..."linux-image-686 grub-pc initramfs-tools zstd console-setup systemd-sysv dbus".split(" "),
  // Keys in the TPM for encrypted disks; systemd loads the TSS's libraries only where they are.
  ..."cryptsetup cryptsetup-initramfs clevis-luks clevis-tpm2 clevis-initramfs".split(" "),
  ..."libtss2-esys-3.0.2-0 libtss2-mu0 libtss2-rc0 libtss2-tcti-device0".split(" "),
  ..."tpm2-tools tpm2-openssl openssl libtpm2-pkcs11-tools libtpm2-pkcs11-1".split(" "),
  ..."trousers tpm-tools tpm-quote-tools".split(" "),
];

const SECTOR = 512;
const MIB = 2 ** 20;
/** Where partitions begin since disks have large sectors. */
const FIRST_PARTITION = MIB;
const ROOT_SIZE = 1900 * MIB;
/** An empty partition, to be encrypted. */
const SECOND_SIZE = 64 * MIB;
const DISK_SIZE = FIRST_PARTITION + ROOT_SIZE + SECOND_SIZE;
const ROOT_UUID = "7c6d7c1e-2d0c-4f0e-9d3e-6b1f5a1d0b01";
const DISK_SIGNATURE = 0x7c6d7c1e;

/** Lines that mmdebstrap says, by how far it is then, in percent. */
const STEPS: readonly [RegExp, string, number][] = [
  [/running apt-get update/, "fetching the package lists", 2],
  [/downloading packages with apt/, "fetching packages", 5],
  [/extracting archives/, "unpacking the first packages", 25],
  [/installing (?:essential )?packages/, "setting up the first packages", 30],
  [/installing remaining packages/, "fetching and setting up the others", 40],
  [/running --customize-hook/, "making the disk", 90],
];

export async function debianDiskKey(): Promise<string> {
  return contentKey([RECIPE, SUITE, ...PACKAGES, await readFile(CUSTOMIZE, "utf8")]);
}

/** An entry of a master boot record's table of partitions: a Linux file system, by its sectors alone. */
function partition(start: number, size: number, active: boolean): Buffer {
  const entry = Buffer.alloc(16);
  entry.writeUInt8(active ? 0x80 : 0, 0);
  // Cylinders that say "beyond what these numbers can tell".
  entry.write("feffff", 1, "hex");
  entry.writeUInt8(0x83, 4);
  entry.write("feffff", 5, "hex");
  entry.writeUInt32LE(start / SECTOR, 8);
  entry.writeUInt32LE(size / SECTOR, 12);
  return entry;
}

/** The first sectors: GRUB's first code with the table of partitions in it, and behind it the rest of GRUB. */
export function bootSectors(boot: Uint8Array, core: Uint8Array): Buffer {
  const TABLE = 446;
  if (SECTOR + core.length > FIRST_PARTITION)
    throw new Error("GRUB is too large for the room before the partitions");
  const sector = Buffer.alloc(SECTOR);
  sector.set(boot.subarray(0, 440));
  sector.writeUInt32LE(DISK_SIGNATURE, 440);
  partition(FIRST_PARTITION, ROOT_SIZE, true).copy(sector, TABLE);
  partition(FIRST_PARTITION + ROOT_SIZE, SECOND_SIZE, false).copy(sector, TABLE + 16);
  sector.writeUInt16LE(0xaa55, 510);
  return Buffer.concat([sector, core]);
}

/** Makes the disk in `target`. @throws {CommandError} {AptError} */
export async function buildDebianDisk(
  cache: Cache,
  target: string,
  { report, log, signal }: KernelBuildOptions,
): Promise<Produced> {
  const lists = new AptLists(cache, "deb", ({ message }) => report(message, 0), {});
  await lists.update();
  return inScratch("debian", async (scratch) => {
    const out = (name: string) => join(scratch, name);
    const hook = (text: string) => `--customize-hook=${text}`;
    const onErrorLine = (line: string) => {
      log?.(line);
      const step = STEPS.find(([pattern]) => pattern.test(line));
      if (step) report(step[1], step[2]);
    };
    const size = `${ROOT_SIZE / MIB}M`;
    const args = [
      ...["--verbose", `--architectures=${ARCHITECTURE}`, "--variant=important", "--format=null"],
      `--include=${PACKAGES.join(",")}`,
      hook(`set -- "$1" ${ROOT_UUID}\n${await readFile(CUSTOMIZE, "utf8")}`),
      hook(
        `chroot "$1" dpkg-query -W -f '\${Package} \${Version} \${source:Package} \${source:Version}\\n' >"$1/packages"`,
      ),
      hook(`download /packages ${out("packages")}`),
      hook(`rm "$1/packages"`),
      ...["boot.img", "core.img"].map((name) => hook(`download /boot/grub/i386-pc/${name} ${out(name)}`)),
      // Bound to another place, without what is mounted in it. The image cannot lie in what it is made of, nor may the
      // outside be written to from within a user namespace.
      hook(
        `mkdir "$1.root" && unshare --mount sh -e -c 'mount --bind "$1" "$1.root"; ` +
          `mke2fs -q -t ext4 -L debian -U ${ROOT_UUID} -E offset=${FIRST_PARTITION} -d "$1.root" "$1.img" ${size}' sh "$1"; ` +
          `rmdir "$1.root"; mv "$1.img" "$1/disk.img"`,
      ),
      hook(`download /disk.img ${out(DEBIAN_DISK)}`),
      ...[SUITE, "/dev/null", `deb ${lists.mirror} ${SUITE} main`],
    ];
    await run("nice", ["-n", "19", "mmdebstrap", ...args], { onErrorLine, ...(signal && { signal }) });
    const disk = out(DEBIAN_DISK);
    const file = await open(disk, "r+");
    try {
      await file.write(bootSectors(await readFile(out("boot.img")), await readFile(out("core.img"))), 0);
      await file.truncate(DISK_SIZE);
    } finally {
      await file.close();
    }
    await run("cp", ["--sparse=always", disk, join(target, DEBIAN_DISK)]);
    return { sources: [], inherited: packages(await readFile(out("packages"), "utf8")) };
  });
}

/** What is in it; each package has its licence at /usr/share/doc/<package>/copyright there. */
function packages(list: string): ImageSource[] {
  return list
    .trim()
    .split("\n")
    .map((line) => {
      const [name = "", version = "", source = "", sourceVersion = ""] = line.split(" ");
      const licence = "LicenseRef-Debian-main";
      return { package: name, version, licence, source: sourcesUrl(source, sourceVersion), pinned: false };
    });
}
