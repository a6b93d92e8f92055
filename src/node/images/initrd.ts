/**
 * The guest's initial RAM file system: busybox, tpm2-tools with its libraries, and the programs in `guest/`. No
 * links for busybox's applets: its shell runs them by name.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Apt, unpack } from "./apt.ts";
import { type CpioEntry, cpio } from "./cpio.ts";
import { compileCurlStub, compileProgram } from "./guest-programs.ts";
import type { Produced } from "./produce.ts";
import { inScratch } from "./scratch.ts";
import { PACKAGES, type PinnedPackage } from "./versions.ts";

export const INITRD = "initrd.cpio.gz";

/** Where Debian's dynamic linker looks first. */
const LIBRARY_PATH = "lib/i386-linux-gnu";

/** Libraries by the name that programs ask for, with the package that has them. */
const LIBRARIES: readonly [PinnedPackage, readonly string[]][] = [
  [PACKAGES.libc, ["libc.so.6"]],
  [PACKAGES.openssl, ["libcrypto.so.3"]],
  [PACKAGES.tssEsys, ["libtss2-esys.so.0"]],
  [PACKAGES.tssMu, ["libtss2-mu.so.0"]],
  [PACKAGES.tssRc, ["libtss2-rc.so.0"]],
  [PACKAGES.tssSys, ["libtss2-sys.so.1"]],
  [PACKAGES.tssTctiLoader, ["libtss2-tctildr.so.0"]],
  [PACKAGES.tssTctiDevice, ["libtss2-tcti-device.so.0"]],
];

/** Every package that the guest is made of. */
export const GUEST_PACKAGES: readonly PinnedPackage[] = [
  PACKAGES.busybox,
  PACKAGES.tpm2Tools,
  ...LIBRARIES.map(([pin]) => pin),
];

const directory = (path: string, mode = 0o755): CpioEntry => ({ type: "directory", path, mode });
const program = (path: string, data: Uint8Array): CpioEntry => ({ type: "file", path, mode: 0o755, data });

/** Reads a library wherever its package puts it. */
async function library(root: string, name: string): Promise<CpioEntry> {
  for (const place of [LIBRARY_PATH, `usr/${LIBRARY_PATH}`]) {
    const data = await readFile(join(root, place, name)).catch(() => undefined);
    if (data) return program(`${LIBRARY_PATH}/${name}`, data);
  }
  throw new Error(`${name} is not in the packages of the guest`);
}

/** tpm2-tools is one program with many names, which `guest/init.c` makes links for. */
async function tpm2Tools(root: string): Promise<CpioEntry[]> {
  const place = join(root, "usr/bin");
  const names = (await readdir(place)).filter((name) => name.startsWith("tpm2_")).sort();
  return [
    program("bin/tpm2", await readFile(join(place, "tpm2"))),
    { type: "file", path: "etc/tpm2-commands", data: Buffer.from(`${names.join("\n")}\n`) },
  ];
}

async function entries(root: string, scratch: string): Promise<CpioEntry[]> {
  const linker = await readFile(join(root, LIBRARY_PATH, "ld-linux.so.2"));
  const libraries = LIBRARIES.flatMap(([, names]) => names.map((name) => library(root, name)));
  return [
    ...["bin", "dev", "etc", "lib", LIBRARY_PATH, "proc", "sys"].map((path) => directory(path)),
    directory("root", 0o700),
    directory("tmp", 0o1777),
    // The kernel opens it for the first program's messages, before devtmpfs is mounted.
    { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
    program("init", await compileProgram("init", scratch)),
    program("bin/busybox", await readFile(join(root, "bin/busybox"))),
    { type: "symlink", path: "bin/sh", target: "busybox" },
    program("bin/rawtpm", await compileProgram("rawtpm", scratch)),
    program("bin/launch", await compileProgram("launch", scratch)),
    program("lib/ld-linux.so.2", linker),
    ...(await Promise.all(libraries)),
    program(`${LIBRARY_PATH}/libcurl-gnutls.so.4`, await compileCurlStub(scratch)),
    ...(await tpm2Tools(root)),
    { type: "file", path: "etc/passwd", data: Buffer.from("root::0:0:root:/root:/bin/sh\n") },
    { type: "file", path: "etc/group", data: Buffer.from("root::0:\n") },
  ];
}

/** Builds the image. It is packed for the way to the page only: the page unpacks it, so the guest need not. */
export async function buildInitrd(apt: Apt, target: string): Promise<Produced> {
  const sources = await apt.fetch(GUEST_PACKAGES);
  return inScratch("initrd", async (scratch) => {
    const root = join(scratch, "root");
    await mkdir(root);
    for (const deb of sources) await unpack(deb, root);
    const archive = cpio(await entries(root, scratch));
    await writeFile(join(target, INITRD), await promisify(gzip)(archive, { level: 9 }));
    return { sources };
  });
}
