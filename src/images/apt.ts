/**
 * Fetches Debian packages for the guest's architecture without touching the host's own package set: apt-get with
 * lists, cache and sources of its own. apt checks the archive's signature; the recorded SHA-256 is checked on top.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cache } from "./cache.ts";
import { run } from "./command.ts";
import type { ImageSource } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { ARCHITECTURE, type PinnedPackage, SUITE } from "./versions.ts";

/** Packages could not be fetched. */
export class AptError extends Error {
  override readonly name = "AptError";
}

/** A package file, checked. */
export interface FetchedPackage extends ImageSource {
  /** The .deb file. */
  file: string;
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DEFAULT_MIRROR = "http://deb.debian.org/debian";
/** Bytes of a download from which on its progress is shown. */
const LARGE = 20e6;
const LISTS_AGE_MS = 24 * 3600 * 1000;

/** A version of a package that the archive has. */
interface Available {
  name: string;
  version: string;
  sha256: string;
  size: number;
  /** Whether it is the recorded one. */
  pinned: boolean;
}

/** Where the host itself gets Debian from, if it does: a mirror near it, or the only one that it can reach. */
async function mirror(): Promise<string> {
  const targets = await run("apt-get", [
    "indextargets",
    "--format",
    "$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)",
  ])
    // An apt without lists has no targets to show; the default mirror serves then.
    .catch(() => "");
  const lines = targets.split("\n").map((line) => line.split(" "));
  const own = lines.find(([origin, component, codename]) => {
    return origin === "Debian" && component === "main" && !codename?.includes("-");
  });
  return own?.[3] ?? DEFAULT_MIRROR;
}

/** Fields of a package in an index, as `apt-cache show` prints them. */
interface IndexEntry {
  version: string;
  sha256: string;
  /** Bytes to download. */
  size: number;
  depends: string;
}

function parseIndex(text: string): IndexEntry[] {
  return text
    .split(/\n\n+/)
    .map((stanza) => Object.fromEntries(stanza.split("\n").map((line) => splitField(line))))
    .filter((fields) => fields.Version && fields.SHA256)
    .map((fields) => ({
      version: fields.Version!,
      sha256: fields.SHA256!,
      size: Number(fields.Size),
      depends: fields.Depends ?? "",
    }));
}

function splitField(line: string): [string, string] {
  const colon = line.indexOf(": ");
  return colon < 0 ? [line, ""] : [line.slice(0, colon), line.slice(colon + 2)];
}

export class Apt {
  readonly #cache: Cache;
  readonly #report: OnProgress;
  #ready: Promise<void> | undefined;

  constructor(cache: Cache, report: OnProgress) {
    this.#cache = cache;
    this.#report = report;
  }

  get #root(): string {
    return join(this.#cache.root, "apt");
  }

  get #options(): string[] {
    const root = this.#root;
    return [
      `-oAPT::Architecture=${ARCHITECTURE}`,
      `-oAPT::Architectures=${ARCHITECTURE}`,
      `-oDir::State=${root}/state`,
      `-oDir::State::Status=/dev/null`,
      `-oDir::Cache=${root}/cache`,
      `-oDir::Etc::SourceList=${root}/sources.list`,
      `-oDir::Etc::SourceParts=${root}/none`,
      `-oDir::Etc::PreferencesParts=${root}/none`,
      "-oAcquire::Languages=none",
      "-oAcquire::Retries=3",
      // Everything happens in the user's own directories, which apt's user may not enter.
      "-oAPT::Sandbox::User=root",
    ];
  }

  /** Brings the package lists up to date, at most once a day. */
  #update(): Promise<void> {
    this.#ready ??= this.#updateLists();
    return this.#ready;
  }

  async #updateLists(): Promise<void> {
    const root = this.#root;
    const stamp = join(root, "updated");
    const age = await stat(stamp)
      .then((s) => Date.now() - s.mtimeMs)
      .catch(() => Number.POSITIVE_INFINITY);
    if (age < LISTS_AGE_MS) return;
    if (!existsSync("/usr/bin/apt-get")) {
      throw new AptError(
        "apt-get is missing. The images are made from Debian's packages: use Debian or Ubuntu.",
      );
    }
    for (const directory of ["state/lists/partial", "cache/archives/partial", "none"]) {
      await mkdir(join(root, directory), { recursive: true });
    }
    const signed = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : "";
    await writeFile(join(root, "sources.list"), `deb ${signed}${await mirror()} ${SUITE} main\n`);
    this.#say("fetching the package lists");
    await this.#run("package lists", ["update"]);
    await writeFile(stamp, "");
  }

  #say(message: string, percent?: number): void {
    this.#report({ step: "Debian packages", message, ...(percent === undefined ? {} : { percent }) });
  }

  async #run(
    what: string,
    args: string[],
    options: { cwd?: string; showPercent?: boolean } = {},
  ): Promise<void> {
    try {
      await run("apt-get", [...this.#options, "-oAPT::Status-Fd=2", "-q", ...args], {
        ...(options.cwd ? { cwd: options.cwd } : {}),
        onErrorLine: (line) => {
          const percent = /^dlstatus:\d+:([\d.]+):/.exec(line)?.[1];
          if (percent && options.showPercent) this.#say(`fetching ${what}`, Number(percent));
        },
      });
    } catch (cause) {
      const text = (cause as Error).message.replace(/^dlstatus:.*\n?/gm, "");
      throw new AptError(`Debian packages could not be fetched (${what}). Is the network up?\n${text}`, {
        cause,
      });
    }
  }

  async #index(name: string): Promise<IndexEntry[]> {
    return parseIndex(await run("apt-cache", [...this.#options, "show", name]).catch(() => ""));
  }

  /** What the archive has for a pin: the pinned version if it still can be had, else the newest of that name. */
  async #resolve(pin: PinnedPackage): Promise<Available> {
    const entries = await this.#index(pin.name);
    const same = entries.find((entry) => entry.version === pin.version);
    if (same) {
      if (same.sha256 === pin.sha256) return { ...pin, size: same.size, pinned: true };
      throw new AptError(
        `${pin.name} ${pin.version}: the archive has SHA-256 ${same.sha256}, ${pin.sha256} was recorded.`,
      );
    }
    const newest = entries[0];
    if (newest) return this.#moved(pin, pin.name, newest);
    if (pin.successorOf) {
      const name = (await this.#index(pin.successorOf))[0]?.depends.split(/[ ,]/)[0];
      const successor = name ? (await this.#index(name))[0] : undefined;
      if (name && successor) return this.#moved(pin, name, successor);
    }
    throw new AptError(
      `Debian's archive no longer has ${pin.name}. Take the successor into src/images/versions.ts.`,
    );
  }

  #moved(pin: PinnedPackage, name: string, found: IndexEntry): Available {
    this.#say(
      `warning: ${pin.name} ${pin.version} is gone from the archive, taking ${name} ${found.version}`,
    );
    return { name, version: found.version, sha256: found.sha256, size: found.size, pinned: false };
  }

  /** Fetches packages into the cache. */
  async fetch(pins: readonly PinnedPackage[]): Promise<FetchedPackage[]> {
    const kept = join(this.#cache.root, "packages");
    await mkdir(kept, { recursive: true });
    return this.#cache.locked("apt", undefined, async () => {
      const fetched: FetchedPackage[] = [];
      for (const pin of pins) fetched.push(await this.#fetchOne(pin, kept));
      return fetched;
    });
  }

  async #fetchOne(pin: PinnedPackage, kept: string): Promise<FetchedPackage> {
    const ready = toFetched(pin, { ...pin, pinned: true }, kept);
    if (existsSync(ready.file)) return ready;
    await this.#update();
    const found = await this.#resolve(pin);
    const result = toFetched(pin, found, kept);
    if (existsSync(result.file)) return result;
    const download = join(this.#root, "cache", `download-${found.sha256.slice(0, 12)}`);
    await mkdir(download, { recursive: true });
    const what = `${found.name} ${found.version} (${(found.size / 1e6).toFixed(1)} MB)`;
    const showPercent = found.size > LARGE;
    if (!showPercent) this.#say(`fetching ${what}`);
    await this.#run(what, ["download", `${found.name}=${found.version}`], { cwd: download, showPercent });
    const deb = (await readdir(download)).find((name) => name.endsWith(".deb"));
    if (!deb) throw new AptError(`apt-get download gave no file for ${found.name}.`);
    await checkSha256(join(download, deb), found.sha256);
    await rename(join(download, deb), result.file);
    await rm(download, { recursive: true });
    return result;
  }
}

function toFetched(pin: PinnedPackage, found: Omit<Available, "size">, kept: string): FetchedPackage {
  return {
    package: found.name,
    version: found.version,
    licence: pin.licence,
    source: `https://sources.debian.org/src/${pin.source}/${found.version.replace(/\+b\d+$/, "")}/`,
    pinned: found.pinned,
    file: join(kept, `${found.name}-${found.sha256.slice(0, 16)}.deb`),
  };
}

async function checkSha256(file: string, expected: string): Promise<void> {
  const actual = createHash("sha256")
    .update(await readFile(file))
    .digest("hex");
  if (actual !== expected) throw new AptError(`${file} has SHA-256 ${actual}, expected ${expected}.`);
}

/** Unpacks a package into `directory`. */
export async function unpack(deb: FetchedPackage, directory: string): Promise<void> {
  await run("dpkg-deb", ["-x", deb.file, directory]);
}

/** What a package brings, as the manifest tells it. */
export function asSource({ file: _file, ...source }: FetchedPackage): ImageSource {
  return source;
}
