/**
 * Fetches Debian packages for the guest's architecture without touching the host's own package set. apt checks the
 * archive's signature; the recorded SHA-256 is checked on top.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ImageSource } from "../../session/images/manifest.ts";
import { AptLists, type AptPlaces } from "./apt-lists.ts";
import { AptError } from "./apt-trouble.ts";
import type { Cache } from "./cache.ts";
import { run } from "./command.ts";
import type { OnProgress } from "./progress.ts";
import { aboutPlace } from "./set-up-error.ts";
import { type PinnedPackage, SUITE } from "./versions.ts";

/** A package file, checked. */
export interface FetchedPackage extends ImageSource {
  /** The .deb file. */
  file: string;
}

/** Bytes of a download from which on its progress is shown. */
const LARGE = 20e6;

/** A version of a package that the archive has. */
interface Available {
  name: string;
  version: string;
  sha256: string;
  size: number;
  /** Whether it is the recorded one. */
  pinned: boolean;
}

/** Fields of a package in an index, as `apt-cache show` prints them. */
interface IndexEntry {
  version: string;
  sha256: string;
  /** Bytes to download. */
  size: number;
  depends: string;
}

function parseIndex(fields: readonly Record<string, string>[]): IndexEntry[] {
  return fields
    .filter(({ Version, SHA256 }) => Version && SHA256)
    .map((entry) => ({
      version: entry.Version!,
      sha256: entry.SHA256!,
      size: Number(entry.Size),
      depends: entry.Depends ?? "",
    }));
}

export class Apt {
  readonly #cache: Cache;
  readonly #report: OnProgress;
  readonly #places: AptPlaces;
  /** By suite: lists of their own, so that no other pin's newest version comes from backports. */
  readonly #suites = new Map<string, AptLists>();

  /** @param places other ones than the host's and Debian's. */
  constructor(cache: Cache, report: OnProgress, places: AptPlaces = {}) {
    this.#cache = cache;
    this.#report = report;
    this.#places = places;
  }

  #listsOf({ suite = SUITE }: PinnedPackage): AptLists {
    const known = this.#suites.get(suite);
    const lists = known ?? new AptLists(this.#cache, "deb", this.#report, this.#places, suite);
    this.#suites.set(suite, lists);
    return lists;
  }

  /** What the archive has for a pin: the pinned version if it still can be had, else the newest of that name. */
  async #resolve(pin: PinnedPackage): Promise<Available> {
    const found = await this.#find(pin);
    if (found?.pinned) return found;
    const lists = this.#listsOf(pin);
    // Lists of yesterday may name what is gone, and not what has come.
    await lists.update(true);
    const now = await this.#find(pin);
    if (!now) {
      throw new AptError(
        "gone",
        `${lists.mirror} no longer has ${pin.name}, nor a successor. Name another mirror in /etc/apt, or take a newer version of WebTPM.`,
      );
    }
    if (!now.pinned) {
      lists.say(
        `warning: ${pin.name} ${pin.version} is gone from the archive, taking ${now.name} ${now.version}`,
      );
    }
    return now;
  }

  async #find(pin: PinnedPackage): Promise<Available | undefined> {
    const lists = this.#listsOf(pin);
    const index = async (name: string) => parseIndex(await lists.index(name));
    const entries = await index(pin.name);
    const same = entries.find((entry) => entry.version === pin.version);
    if (same && same.sha256 !== pin.sha256) {
      throw new AptError(
        "checksum",
        `${pin.name} ${pin.version}: ${lists.mirror} has SHA-256 ${same.sha256}, ${pin.sha256} was recorded. It is not what this project was tried with, and is not taken; use another mirror.`,
      );
    }
    if (same) return { ...pin, size: same.size, pinned: true };
    if (entries[0]) return available(pin.name, entries[0]);
    if (!pin.successorOf) return undefined;
    const name = (await index(pin.successorOf))[0]?.depends.split(/[ ,]/)[0];
    const successor = name ? (await index(name))[0] : undefined;
    return name && successor ? available(name, successor) : undefined;
  }

  /** Fetches packages into the cache. @throws {AptError} {SetUpError} in words for whoever started it. */
  async fetch(pins: readonly PinnedPackage[]): Promise<FetchedPackage[]> {
    const kept = join(this.#cache.root, "packages");
    try {
      await mkdir(kept, { recursive: true });
      return await this.#cache.locked("apt", undefined, async () => {
        const fetched: FetchedPackage[] = [];
        for (const pin of pins) fetched.push(await this.#fetchOne(pin, kept));
        return fetched;
      });
    } catch (error) {
      throw aboutPlace(error, this.#cache.root);
    }
  }

  async #fetchOne(pin: PinnedPackage, kept: string): Promise<FetchedPackage> {
    const ready = toFetched(pin, { ...pin, pinned: true }, kept);
    if (await isWhole(ready.file, pin.sha256)) return ready;
    const lists = this.#listsOf(pin);
    await lists.update();
    const found = await this.#resolve(pin);
    try {
      return await this.#download(pin, found, kept);
    } catch (error) {
      // The archive may have moved on since the lists were fetched.
      if (!(error instanceof AptError) || (error.trouble !== "gone" && error.trouble !== "checksum"))
        throw error;
      await lists.update(true);
      return this.#download(pin, await this.#resolve(pin), kept);
    }
  }

  async #download(pin: PinnedPackage, found: Available, kept: string): Promise<FetchedPackage> {
    const result = toFetched(pin, found, kept);
    if (await isWhole(result.file, found.sha256)) return result;
    const lists = this.#listsOf(pin);
    // What an interrupted download has left there is gone on from.
    const download = join(lists.root, "cache", `download-${found.sha256.slice(0, 12)}`);
    await mkdir(download, { recursive: true });
    const what = `${found.name} ${found.version} (${(found.size / 1e6).toFixed(1)} MB)`;
    const showPercent = found.size > LARGE;
    if (!showPercent) lists.say(`fetching ${what}`);
    try {
      await lists.get(what, ["download", `${found.name}=${found.version}`], {
        cwd: download,
        showPercent,
      });
    } catch (error) {
      if ((error as AptError).trouble !== "network") await rm(download, { recursive: true, force: true });
      throw error;
    }
    const deb = (await readdir(download)).find((name) => name.endsWith(".deb"));
    const whole = deb !== undefined && (await isWhole(join(download, deb), found.sha256));
    if (whole) await rename(join(download, deb), result.file);
    await rm(download, { recursive: true });
    if (!whole)
      throw new AptError("checksum", `${what} from ${lists.mirror} is not what its list says; start again.`);
    return result;
  }
}

const available = (name: string, { version, sha256, size }: IndexEntry): Available => {
  return { name, version, sha256, size, pinned: false };
};

function toFetched(pin: PinnedPackage, found: Omit<Available, "size">, kept: string): FetchedPackage {
  return {
    package: found.name,
    version: found.version,
    licence: pin.licence,
    source: sourcesUrl(pin.source, found.version.replace(/\+b\d+$/, "")),
    pinned: found.pinned,
    file: join(kept, `${found.name}-${found.sha256.slice(0, 16)}.deb`),
  };
}

/** Where the files of a source package can be looked at. */
export const sourcesUrl = (source: string, version: string) =>
  `https://sources.debian.org/src/${source}/${version}/`;

/** Whether a file is there, and what it should be; a crash may have cut what was kept. */
export async function isWhole(file: string, sha256: string): Promise<boolean> {
  const bytes = await readFile(file).catch(() => undefined);
  return bytes !== undefined && createHash("sha256").update(bytes).digest("hex") === sha256;
}

/** Unpacks a package into `directory`. */
export async function unpack(deb: FetchedPackage, directory: string): Promise<void> {
  await run("dpkg-deb", ["-x", deb.file, directory]);
}

/** What a package brings, as the manifest tells it. */
export function asSource({ file: _file, ...source }: FetchedPackage): ImageSource {
  return source;
}
