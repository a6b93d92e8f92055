/**
 * The hidden TPM machine's initial RAM file system: Debian's swtpm with its libraries, and `guest/hidden-init.c` as
 * the only other program; `guest/modexp.c` is loaded into swtpm. No shell, no busybox.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Apt, unpack } from "./apt.ts";
import { type CpioEntry, cpio } from "./cpio.ts";
import { compileLibrary, compileProgram } from "./guest-programs.ts";
import type { Produced } from "./produce.ts";
import { inScratch } from "./scratch.ts";
import { PACKAGES } from "./versions.ts";

/** Unpacked: it is used on the host only, to make the saved state. */
export const HIDDEN_INITRD = "hidden-initrd.cpio";

export const HIDDEN_PACKAGES = [
  PACKAGES.swtpm,
  PACKAGES.swtpmLibs,
  PACKAGES.libtpms,
  PACKAGES.seccomp,
  PACKAGES.openssl,
  PACKAGES.libc,
] as const;

const LIBRARIES = "usr/lib/i386-linux-gnu";
const LIBC = "lib/i386-linux-gnu";
/** Files by where the packages have them; in the image, libraries are in /lib, which the dynamic linker searches. */
const FILES = [
  `${LIBC}/ld-linux.so.2`,
  `${LIBC}/libc.so.6`,
  `${LIBRARIES}/libcrypto.so.3`,
  `${LIBRARIES}/libseccomp.so.2`,
  `${LIBRARIES}/libtpms.so.0`,
  `${LIBRARIES}/swtpm/libswtpm_libtpms.so.0`,
];

const program = (path: string, data: Uint8Array): CpioEntry => ({ type: "file", path, mode: 0o755, data });

export async function buildHiddenInitrd(apt: Apt, target: string): Promise<Produced> {
  const sources = await apt.fetch(HIDDEN_PACKAGES);
  return inScratch("hidden", async (scratch) => {
    const root = join(scratch, "root");
    await mkdir(root);
    for (const deb of sources) await unpack(deb, root);
    const libraries = FILES.map(async (file) =>
      program(`lib/${basename(file)}`, await readFile(join(root, file))),
    );
    const archive = cpio([
      ...["bin", "dev", "lib", "state"].map((path): CpioEntry => ({ type: "directory", path })),
      // The kernel opens it for the first program's messages, before devtmpfs is mounted.
      { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
      program("init", await compileProgram("hidden-init", scratch)),
      program("lib/modexp.so", await compileLibrary("modexp", scratch)),
      program("bin/swtpm", await readFile(join(root, "usr/bin/swtpm"))),
      ...(await Promise.all(libraries)),
    ]);
    await writeFile(join(target, HIDDEN_INITRD), archive);
    return { sources };
  });
}
