/**
 * The small kernel, built from Debian's kernel source with `kernel.config`: it boots several times faster under v86
 * than the stock one. Takes some minutes of processor time, once.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Apt, unpack } from "./apt.ts";
import { contentKey } from "./cache.ts";
import { run } from "./command.ts";
import { flatKernel } from "./elf.ts";
import type { Produced } from "./produce.ts";
import { rawBzImage } from "./raw-kernel.ts";
import { KERNEL } from "./stock-kernel.ts";
import { PACKAGES } from "./versions.ts";

const CONFIG = fileURLToPath(new URL("kernel.config", import.meta.url));
/** Changed by hand when this file changes what is built; the text of this file is not part of the key. */
const RECIPE = "3";
/** Lines that make printed when this was last tried. Only the percentage depends on it. */
const EXPECTED_LINES = 1617;

/** The kernel as its own build packs it, with the EFI stub: what UEFI firmware starts. */
export const EFI_KERNEL = "bzImage.efi";

/** The kernel could not be configured as asked. */
export class KernelConfigError extends Error {
  override readonly name = "KernelConfigError";
}

export async function smallKernelKey(): Promise<string> {
  return contentKey([RECIPE, PACKAGES.kernelSource.sha256, await readFile(CONFIG, "utf8")]);
}

export interface KernelBuildOptions {
  /** Called with one line for people and a percentage. */
  report(message: string, percent: number): void;
  /** Called with each line that the build prints. */
  log?(line: string): void;
  signal?: AbortSignal;
}

/** Every line of the fragment must have come through Kconfig, or an option has another name or lacks what it needs. */
async function checkConfig(tree: string): Promise<void> {
  const asked = (await readFile(CONFIG, "utf8")).split("\n").filter((line) => line.startsWith("CONFIG_"));
  const given = new Set((await readFile(join(tree, ".config"), "utf8")).split("\n"));
  const missing = asked.filter((line) => !given.has(line));
  if (missing.length > 0) throw new KernelConfigError(`the kernel does not take ${missing.join(", ")}`);
}

/** Fixed names, so that equal sources give an equal kernel on every machine. */
const BUILD_ENVIRONMENT = {
  KBUILD_BUILD_USER: "webtpm",
  KBUILD_BUILD_HOST: "debian",
  KBUILD_BUILD_TIMESTAMP: "Thu Jan  1 00:00:00 UTC 2026",
  KCONFIG_ALLCONFIG: CONFIG,
};

export async function buildSmallKernel(
  apt: Apt,
  target: string,
  options: KernelBuildOptions,
): Promise<Produced> {
  options.report("fetching the source (153 MB)", 0);
  const [deb] = await apt.fetch([PACKAGES.kernelSource]);
  const work = join(target, "build");
  const source = join(work, "source");
  await mkdir(source, { recursive: true });
  options.report("unpacking the source", 1);
  await unpack(deb!, work);
  const tarball = join(work, "usr/src/linux-source-6.12.tar.xz");
  const polite = (program: string, args: string[], onLine: (line: string) => void) =>
    run("nice", ["-n", "19", program, ...args], {
      cwd: source,
      env: BUILD_ENVIRONMENT,
      onLine,
      onErrorLine: onLine,
      ...(options.signal ? { signal: options.signal } : {}),
    });
  const log = options.log ?? (() => undefined);
  await polite("tar", ["-xJf", tarball, "--strip-components=1"], log);
  await rm(tarball);

  options.report("configuring", 3);
  await polite("make", ["ARCH=i386", "allnoconfig"], log);
  await checkConfig(source);

  let lines = 0;
  await polite("make", ["ARCH=i386", `-j${availableParallelism()}`, "bzImage"], (line) => {
    log(line);
    lines++;
    options.report("compiling", Math.min(99, 4 + (95 * lines) / EXPECTED_LINES));
  });
  const release = (await readFile(join(source, "include/config/kernel.release"), "utf8")).trim();
  const bzImage = await readFile(join(source, "arch/x86/boot/bzImage"));
  await writeFile(join(target, EFI_KERNEL), bzImage);
  const image = rawBzImage(bzImage, flatKernel(await readFile(join(source, "vmlinux"))));
  await writeFile(join(target, KERNEL), await promisify(gzip)(image, { level: 9 }));
  await writeFile(join(target, "kernel.config"), await readFile(join(source, ".config")));
  await rm(work, { recursive: true, force: true });
  // The source is 153 MB and no longer needed.
  await rm(deb!.file, { force: true });
  options.report("done", 100);
  return { sources: [deb!], release };
}
