/**
 * What the guest needs to run the kernel's own TPM self-tests (tools/testing/selftests/tpm2 in its source) beside its
 * usual initrd: Python, and the tests. Both kept in the cache, as an archive to be put behind the initrd, where Linux
 * unpacks it too (Documentation/driver-api/early-userspace/buffer-format.rst).
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Apt, type FetchedPackage, unpack } from "../../images/apt.ts";
import { Cache, contentKey } from "../../images/cache.ts";
import { run } from "../../images/command.ts";
import { type CpioEntry, cpio } from "../../images/cpio.ts";
import { inScratch } from "../../images/scratch.ts";
import { GUEST_PYTHON, PACKAGES, type PinnedPackage } from "../../images/versions.ts";

/** The directory in the guest that has the tests. */
export const SELFTESTS = "/selftests";
/** Its parts: each a script, as the kernel's test runner starts it. */
export const SCRIPTS = ["test_smoke.sh", "test_space.sh", "test_async.sh"] as const;

/** Changed by hand when this file changes what is made. */
const RECIPE = "1";
const ARCHIVE = "selftests.cpio";
const IN_SOURCE = "tools/testing/selftests/tpm2";
const PYTHON = "usr/bin/python3.11";
const STANDARD_LIBRARY = "usr/lib/python3.11";
const LIBRARY_PATH = "lib/i386-linux-gnu";
/** By the name that Python asks for. */
const LIBRARIES = ["libm.so.6", "libz.so.1", "libexpat.so.1"];
const NEEDED: readonly PinnedPackage[] = [...GUEST_PYTHON, PACKAGES.libc];

const directory = (path: string): CpioEntry => ({ type: "directory", path });
const file = async (path: string, from: string, mode = 0o755): Promise<CpioEntry> => ({
  type: "file",
  path,
  mode,
  data: await readFile(from),
});

/** Everything in a directory of `root`, directories before what they hold. */
async function tree(root: string, path: string): Promise<CpioEntry[]> {
  const found = await readdir(join(root, path), { withFileTypes: true });
  const entries = found.map(async (entry) => {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) return tree(root, inner);
    return entry.isFile() ? [await file(inner, join(root, inner), 0o644)] : [];
  });
  return [directory(path), ...(await Promise.all(entries)).flat()];
}

/** Reads a library wherever its package puts it. */
async function library(root: string, name: string): Promise<CpioEntry> {
  const path = `${LIBRARY_PATH}/${name}`;
  return file(path, join(root, path)).catch(() => file(path, join(root, "usr", path)));
}

async function python(root: string): Promise<CpioEntry[]> {
  return [
    ...["usr", "usr/bin", "usr/lib"].map(directory),
    await file(PYTHON, join(root, PYTHON)),
    { type: "symlink", path: "usr/bin/python3", target: basename(PYTHON) },
    ...(await tree(root, STANDARD_LIBRARY)),
    ...["lib", LIBRARY_PATH].map(directory),
    ...(await Promise.all(LIBRARIES.map((name) => library(root, name)))),
  ];
}

/** The tests out of the package with the kernel's source. @param scratch where it may be unpacked */
async function tests(source: FetchedPackage, scratch: string): Promise<CpioEntry[]> {
  await unpack(source, scratch);
  const top = basename(source.package);
  const tarball = join(scratch, `usr/src/${top}.tar.xz`);
  const inside = join(scratch, "tests");
  await mkdir(inside);
  const strip = IN_SOURCE.split("/").length;
  await run("tar", ["-xJf", tarball, "-C", inside, `--strip-components=${strip}`, `${top}/${IN_SOURCE}`]);
  const entries = await tree(inside, basename(IN_SOURCE));
  return entries.map((entry) => ({ ...entry, path: entry.path.replace(/^[^/]+/, SELFTESTS.slice(1)) }));
}

/** @returns a cpio archive, to stand behind the guest's initrd. */
export async function selftestsArchive(): Promise<Uint8Array> {
  const cache = new Cache();
  const { kernelSource } = PACKAGES;
  const kept = await cache.get({
    name: "kernel-selftests",
    key: contentKey([RECIPE, kernelSource.sha256, ...NEEDED.map(({ sha256 }) => sha256)]),
    async build(target) {
      const apt = new Apt(cache, () => undefined);
      const packages = await apt.fetch(NEEDED);
      const [source] = await apt.fetch([kernelSource]);
      await inScratch("selftests", async (scratch) => {
        const root = join(scratch, "root");
        await mkdir(root);
        for (const deb of packages) await unpack(deb, root);
        const entries = [...(await python(root)), ...(await tests(source!, scratch))];
        await writeFile(join(target, ARCHIVE), cpio(entries));
      });
      // 153 MB, and the kernel has been built from it.
      await rm(source!.file, { force: true });
    },
  });
  return readFile(join(kept, ARCHIVE));
}
