/**
 * The notices of the Debian packages that a build ships parts of: each package's own copyright file, as Debian has it,
 * and the licences in full that these files only name.
 */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Apt } from "../images/apt.ts";
import { AptSource, type FetchedSource } from "../images/apt-source.ts";
import type { Cache } from "../images/cache.ts";
import { run } from "../images/command.ts";
import { printProgress } from "../images/progress.ts";
import { PACKAGES, type PinnedPackage, type PinnedSource } from "../images/versions.ts";

/** Where each Debian system has them (package base-files). */
const COMMON_LICENCES = "/usr/share/common-licenses";

/** The notices of what v86 has within it, which its npm package does not bring. */
const EMULATOR_PARTS = fileURLToPath(new URL("emulator-notices.txt", import.meta.url));

/** One package for each source; the kernel's source package has the same notices as the kernel's, and 140 MB. */
function onePerSource(): PinnedPackage[] {
  const packages: PinnedPackage[] = Object.values(PACKAGES).filter(({ name }) => !/^linux-source/.test(name));
  return [...new Map(packages.reverse().map((pin) => [pin.source, pin])).values()];
}

/** The licences in full that a notice refers to, by the names of Debian's files. */
export function licencesNamedIn(notice: string): string[] {
  const names = notice.matchAll(/\/usr\/share\/common-licenses\/([A-Za-z]+\d*(?:-\d+(?:\.\d+)*)?)/g);
  return [...new Set(Array.from(names, (match) => match[1] as string))].sort();
}

/** The notice of a source package: its Debian part, a tar file, has it. */
async function sourceNotice({ directory, files }: FetchedSource): Promise<string> {
  const debian = files.find((name) => /\.debian\.tar\./.test(name));
  if (!debian) throw new Error(`${directory} has no Debian part`);
  return run("tar", ["-xOf", join(directory, debian), "debian/copyright"]);
}

/** Writes `<source>.txt` for each source package, and the licences, into the new `directory`. @param sources what was built from source. */
export async function writeNotices(
  directory: string,
  cache: Cache,
  sources: readonly PinnedSource[],
): Promise<void> {
  await mkdir(directory);
  await copyFile(EMULATOR_PARTS, join(directory, "v86-parts.txt"));
  const pins = onePerSource();
  const debs = await new Apt(cache, printProgress()).fetch(pins);
  const licences = new Set<string>();
  for (const [index, deb] of debs.entries()) {
    const path = `./usr/share/doc/${deb.package}/copyright`;
    const target = join(directory, `${pins[index]!.source}.txt`);
    const notice = await run("sh", [
      "-c",
      'dpkg-deb --fsys-tarfile "$1" | tar -xO "$2"',
      "sh",
      deb.file,
      path,
    ]);
    await writeFile(target, `${notice}\n`);
    for (const name of licencesNamedIn(notice)) licences.add(name);
  }
  for (const pin of sources) {
    const notice = await sourceNotice(await new AptSource(cache, printProgress()).fetch(pin));
    await writeFile(join(directory, `${pin.name}.txt`), `${notice}\n`);
    for (const name of licencesNamedIn(notice)) licences.add(name);
  }
  for (const name of licences) await copyFile(join(COMMON_LICENCES, name), join(directory, `${name}.txt`));
}
