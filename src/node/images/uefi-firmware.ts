/**
 * The UEFI firmware: OVMF for 32 bits, built from Debian's source package `edk2` with the patches in `edk2/`. Takes
 * some minutes of processor time, once.
 */
import { existsSync } from "node:fs";
import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type AptSource, asImageSource, unpackSource } from "./apt-source.ts";
import { contentKey } from "./cache.ts";
import { type CommandOptions, run } from "./command.ts";
import type { Produced } from "./produce.ts";
import { SetUpError } from "./set-up-error.ts";
import { SOURCES } from "./versions.ts";

/** The code, read only, and the store of variables as it leaves the factory: both halves of the flash. */
export const UEFI_CODE = "ovmf-code.fd.gz";
export const UEFI_VARS = "ovmf-vars.fd.gz";

const FOLDER = fileURLToPath(new URL("edk2", import.meta.url));
/** Debian's packages that it is built with, each with a file by which it is known to be there. */
const BUILD_PACKAGES = join(FOLDER, "build-packages.json");

/** Changed by hand when this file changes what is built; the text of this file is not part of the key. */
const RECIPE = "1";
/** Lines that the build printed when this was last tried. Only the percentage depends on it. */
const EXPECTED_LINES = 3000;

/** What `build` is told: GCC49 is the tool chain without link-time optimisation, which takes minutes for nothing here. */
const BUILD_ARGUMENTS = [
  ...["-p", "OvmfPkg/OvmfPkgIa32.dsc", "-a", "IA32", "-t", "GCC49", "-b", "RELEASE"],
  ...["-D", "FD_SIZE_4MB", "-D", "TPM2_ENABLE=TRUE", "-D", "SECURE_BOOT_ENABLE=TRUE"],
  ...["-D", "NETWORK_ENABLE=FALSE"],
];
const OUTPUT = "Build/OvmfIa32/RELEASE_GCC49/FV";

/** The source is not the one that the patches were made for. */
export class PatchError extends SetUpError {
  override readonly name = "PatchError";
}

/** The patches, in the order in which they are applied. */
async function patches(): Promise<string[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".patch")).sort();
  return names.map((name) => join(FOLDER, name));
}

export async function uefiFirmwareKey(): Promise<string> {
  const texts = (await patches()).map((path) => readFile(path, "utf8"));
  return contentKey([
    RECIPE,
    ...Object.values(SOURCES.edk2.files),
    ...BUILD_ARGUMENTS,
    ...(await Promise.all(texts)),
  ]);
}

/** @throws {SetUpError} naming what is missing of `packages`: Debian's names, each with a file of it. */
export function checkBuildPackages(packages: Readonly<Record<string, string>>): void {
  const missing = Object.entries(packages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
  if (missing.length === 0) return;
  throw new SetUpError(
    `The UEFI firmware cannot be built: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing. ` +
      `Install what is missing, then start again:\n\n  sudo apt-get install ${missing.join(" ")}\n`,
  );
}

/**
 * Applies patches to a source tree. edk2's lines end with CR and LF, those of the patches with LF alone: files that are
 * patched are brought to these first.
 * @throws {PatchError} when one does not apply.
 */
export async function applyPatches(tree: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const text = await readFile(path, "utf8");
    const targets = Array.from(text.matchAll(/^\+\+\+ b\/(\S+)/gm), (match) => join(tree, match[1]!));
    for (const target of targets.filter((file) => existsSync(file))) {
      await writeFile(target, (await readFile(target, "latin1")).replaceAll("\r\n", "\n"), "latin1");
    }
    try {
      await run("patch", ["-p1", "--batch", "--fuzz=0", "--no-backup-if-mismatch", "-i", path], {
        cwd: tree,
      });
    } catch (cause) {
      throw new PatchError(
        `The UEFI firmware cannot be built: ${path} does not fit the source, which may be newer than the one it was made for.\n${(cause as Error).message}`,
        { cause },
      );
    }
  }
}

export interface UefiBuildOptions {
  /** Called with one line for people and a percentage. */
  report(message: string, percent: number): void;
  /** Called with each line that the build prints. */
  log?(line: string): void;
  signal?: AbortSignal;
}

/**
 * Builds the firmware into `target`.
 * @throws {SetUpError} {AptError} in words where this host cannot, {CommandError} when the build fails.
 */
export async function buildUefiFirmware(
  sources: AptSource,
  target: string,
  options: UefiBuildOptions,
): Promise<Produced> {
  checkBuildPackages(JSON.parse(await readFile(BUILD_PACKAGES, "utf8")));
  options.report("fetching the source (17 MB)", 0);
  const source = await sources.fetch(SOURCES.edk2);
  const work = join(target, "build");
  options.report("unpacking the source", 1);
  await unpackSource(source, work);
  await applyPatches(work, await patches());
  await compile(work, options);

  const pack = promisify(gzip);
  for (const [from, to] of [
    ["OVMF_CODE.fd", UEFI_CODE],
    ["OVMF_VARS.fd", UEFI_VARS],
  ] as const) {
    await writeFile(join(target, to), await pack(await readFile(join(work, OUTPUT, from)), { level: 9 }));
  }
  await rm(work, { recursive: true, force: true });
  options.report("done", 100);
  return { sources: [], inherited: [asImageSource(source)], release: source.version };
}

/** First edk2's own tools, then the firmware with them. */
async function compile(work: string, options: UefiBuildOptions): Promise<void> {
  let lines = 0;
  const onLine = (line: string) => {
    options.log?.(line);
    lines++;
    options.report("compiling", Math.min(99, 2 + (97 * lines) / EXPECTED_LINES));
  };
  const tools = join(work, "BaseTools");
  const conf = join(work, "Conf");
  // What edk2's own set-up script does.
  for (const name of ["target", "tools_def", "build_rule"]) {
    await copyFile(join(tools, "Conf", `${name}.template`), join(conf, `${name}.txt`));
  }
  const polite: CommandOptions = {
    cwd: work,
    env: {
      WORKSPACE: work,
      EDK_TOOLS_PATH: tools,
      CONF_PATH: conf,
      PYTHON_COMMAND: "python3",
      PATH: [join(tools, "BinWrappers/PosixLike"), process.env.PATH].join(delimiter),
    },
    onLine,
    onErrorLine: onLine,
    ...(options.signal ? { signal: options.signal } : {}),
  };
  const jobs = String(availableParallelism());
  const nice = ["-n", "19"];
  await run("nice", [...nice, "make", "-C", "BaseTools/Source/C", `-j${jobs}`], polite);
  await run("nice", [...nice, "build", ...BUILD_ARGUMENTS, "-n", jobs], polite);
}
