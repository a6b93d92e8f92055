/** A guest for disks: Debian's kernel as it is, with its own drivers of IDE and ext4, and busybox; and its disk. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Apt, unpack } from "../../src/node/images/apt.ts";
import { Cache } from "../../src/node/images/cache.ts";
import { type CpioEntry, cpio } from "../../src/node/images/cpio.ts";
import { PACKAGES } from "../../src/node/images/versions.ts";

/** In the order in which they are loaded. */
const MODULES = (
  "crc32c_generic crct10dif_common crct10dif_generic crc-t10dif crc64 crc64_rocksoft_generic crc64-rocksoft t10-pi " +
  "scsi_common scsi_mod libata ata_piix sd_mod crc16 mbcache jbd2 ext4"
).split(" ");

/** Until there is /proc, the shell finds none of its own commands. */
const INIT = `#!/bin/busybox sh
/bin/busybox mount -t proc none /proc
mount -t devtmpfs none /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
for module in ${MODULES.join(" ")}; do insmod /modules/$module.ko || echo "no $module"; done
until [ -b /dev/sda ]; do sleep 0.1; done
dmesg | grep -i "write cache"
stty -echo
echo ready
export PS1=
exec sh
`;

/** The initial RAM file system. */
export async function diskInitrd(): Promise<Uint8Array> {
  const scratch = mkdtempSync(join(tmpdir(), "webtpm-disk-guest-"));
  try {
    const apt = new Apt(new Cache(), () => undefined);
    for (const deb of await apt.fetch([PACKAGES.busybox, PACKAGES.stockKernel])) await unpack(deb, scratch);
    const files = readdirSync(join(scratch, "lib/modules"), { recursive: true, encoding: "utf8" });
    const module = (name: string): CpioEntry => {
      const path = files.find((file) => file.endsWith(`/${name}.ko`));
      if (!path) throw new Error(`the kernel's package has no module ${name}`);
      const data = readFileSync(join(scratch, "lib/modules", path));
      return { type: "file", path: `modules/${name}.ko`, data };
    };
    return cpio([
      ...["bin", "dev", "proc", "mnt", "modules"].map((path): CpioEntry => ({ type: "directory", path })),
      { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
      { type: "file", path: "bin/busybox", mode: 0o755, data: readFileSync(join(scratch, "bin/busybox")) },
      { type: "file", path: "init", mode: 0o755, data: new TextEncoder().encode(INIT) },
      ...MODULES.map(module),
    ]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** An ext4 with a journal, of so many MiB, at this path. */
export function makeDisk(path: string, mib: number): void {
  execFileSync("mke2fs", ["-q", "-F", "-t", "ext4", "-J", "size=4", "-b", "1024", path, `${mib}M`]);
}

/**
 * Looks at an image as after a power cut: the journal is replayed, and then nothing may be left to mend.
 * @returns what a file of it says. @throws what is wrong with it.
 */
export function checkDisk(path: string, file: string): string {
  try {
    execFileSync("e2fsck", ["-p", path], { stdio: "pipe" });
  } catch (error) {
    const { status, stdout } = error as { status: number; stdout: Buffer };
    // 1: something was put in order that a mount does by itself, as the journal's replay.
    if (status !== 1) throw new Error(`e2fsck -p: ${status}: ${stdout}`);
  }
  execFileSync("e2fsck", ["-f", "-n", path], { stdio: "pipe" });
  return execFileSync("debugfs", ["-R", `cat ${file}`, path], { stdio: "pipe", encoding: "utf8" }).trim();
}
