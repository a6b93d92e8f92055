/** Fetches Debian source packages, as `apt.ts` does packages: the pinned version, each file checked. */

import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { own } from "../../protocol/bytes/own.ts";
import type { ImageSource } from "../../session/images/manifest.ts";
import { isWhole, sourcesUrl } from "./apt.ts";
import { AptLists, type AptPlaces } from "./apt-lists.ts";
import { AptError } from "./apt-trouble.ts";
import type { Cache } from "./cache.ts";
import { run } from "./command.ts";
import type { OnProgress } from "./progress.ts";
import { aboutPlace } from "./set-up-error.ts";
import type { PinnedSource } from "./versions.ts";

/** A source package, checked. */
export interface FetchedSource extends ImageSource {
  /** Its folder in the cache. */
  directory: string;
  /** Its files, by name. */
  files: readonly string[];
}

/** A version that the archive has. */
interface Available {
  version: string;
  files: Readonly<Record<string, string>>;
  /** Bytes to download. */
  size: number;
}

/** What `apt-cache showsrc` says of a version: lines of "SHA-256 size name". */
function parseEntry(fields: Record<string, string>): Available {
  const lines = (fields["Checksums-Sha256"] ?? "").split("\n").map((line) => line.trim().split(" "));
  const files = lines.filter((line) => line.length === 3);
  return {
    version: fields.Version ?? "",
    files: Object.fromEntries(files.map(([sha256, , name]) => [name!, sha256!])),
    size: files.reduce((sum, [, size]) => sum + Number(size), 0),
  };
}

export class AptSource {
  readonly #cache: Cache;
  readonly #lists: AptLists;

  /** @param places other ones than the host's and Debian's. */
  constructor(cache: Cache, report: OnProgress, places: AptPlaces = {}) {
    this.#cache = cache;
    this.#lists = new AptLists(cache, "deb-src", report, places);
  }

  /** Fetches a source package into the cache. @throws {AptError} {SetUpError} in words for whoever started it. */
  async fetch(pin: PinnedSource): Promise<FetchedSource> {
    try {
      return await this.#cache.locked("apt-source", undefined, () => this.#fetch(pin));
    } catch (error) {
      throw aboutPlace(error, this.#cache.root);
    }
  }

  async #fetch(pin: PinnedSource): Promise<FetchedSource> {
    const ready = this.#fetched(pin, pin);
    if (await areWhole(ready.directory, pin.files)) return ready;
    await this.#lists.update();
    const found = await this.#resolve(pin);
    const result = this.#fetched(pin, found);
    if (!(await areWhole(result.directory, found.files)))
      await this.#download(pin.name, found, result.directory);
    return result;
  }

  #fetched(pin: PinnedSource, { version, files }: Pick<Available, "version" | "files">): FetchedSource {
    return {
      package: pin.name,
      version,
      licence: pin.licence,
      source: sourcesUrl(pin.name, version),
      pinned: version === pin.version,
      directory: join(this.#cache.root, "sources", `${pin.name}-${version}`),
      files: Object.keys(files),
    };
  }

  /** The pinned version if it still can be had, else what the archive has of that name. */
  async #resolve(pin: PinnedSource): Promise<Available> {
    let entries = await this.#entries(pin.name);
    let same = entries.find(({ version }) => version === pin.version);
    if (!same) {
      // Lists of yesterday may name what is gone, and not what has come.
      await this.#lists.update(true);
      entries = await this.#entries(pin.name);
      same = entries.find(({ version }) => version === pin.version);
    }
    if (same) {
      const other = Object.entries(pin.files).find(([name, digest]) => own(same.files, name) !== digest);
      if (other === undefined) return same;
      const [name, digest] = other;
      throw new AptError(
        "checksum",
        `${pin.name} ${pin.version}: ${this.#lists.mirror} has SHA-256 ${own(same.files, name)} for ${name}, ${digest} was recorded. It is not what this project was tried with, and is not taken; use another mirror.`,
      );
    }
    const newest = entries[0];
    if (!newest) {
      throw new AptError(
        "gone",
        `${this.#lists.mirror} has no source package ${pin.name}. Name another mirror in /etc/apt, or take a newer version of WebTPM.`,
      );
    }
    this.#lists.say(
      `warning: the source of ${pin.name} ${pin.version} is gone from the archive, taking ${newest.version}`,
    );
    return newest;
  }

  async #entries(name: string): Promise<Available[]> {
    const entries = (await this.#lists.index(name)).filter(({ Package }) => Package === name);
    return entries.map(parseEntry).filter(({ version }) => version !== "");
  }

  async #download(name: string, { version, files, size }: Available, directory: string): Promise<void> {
    const draft = join(this.#lists.root, `cache/download-${name}`);
    await rm(draft, { recursive: true, force: true });
    await mkdir(draft, { recursive: true });
    try {
      const what = `the source of ${name} ${version} (${(size / 1e6).toFixed(1)} MB)`;
      this.#lists.say(`fetching ${what}`);
      const wanted = ["--download-only", "--only-source", `${name}=${version}`];
      await this.#lists.get(what, ["source", ...wanted], { cwd: draft });
      if (!(await areWhole(draft, files))) {
        throw new AptError(
          "checksum",
          `${what} from ${this.#lists.mirror} is not what its list says; start again.`,
        );
      }
      await rm(directory, { recursive: true, force: true });
      await mkdir(join(this.#cache.root, "sources"), { recursive: true });
      await rename(draft, directory);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
}

/** Whether a folder has all of these files, each as it should be. */
async function areWhole(directory: string, files: Readonly<Record<string, string>>): Promise<boolean> {
  const there: string[] = await readdir(directory).catch(() => []);
  if (!Object.keys(files).every((name) => there.includes(name))) return false;
  const checks = Object.entries(files).map(([name, sha256]) => isWhole(join(directory, name), sha256));
  return (await Promise.all(checks)).every(Boolean);
}

/**
 * Unpacks a source package, with Debian's patches applied, into the new `directory`.
 * @throws {CommandError} without dpkg-source (Debian: dpkg-dev)
 */
export async function unpackSource(source: FetchedSource, directory: string): Promise<void> {
  const description = source.files.find((name) => name.endsWith(".dsc"));
  if (!description) throw new Error(`${source.package} ${source.version} has no .dsc file`);
  await run("dpkg-source", ["--no-copy", "--extract", join(source.directory, description), directory]);
}

/** What a source brings, as the manifest tells it. */
export function asImageSource({
  directory: _directory,
  files: _files,
  ...source
}: FetchedSource): ImageSource {
  return source;
}
