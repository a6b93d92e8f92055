/**
 * Fetches Debian packages for the guest's architecture without touching the host's own package set: apt-get with
 * lists, cache and sources of its own. apt checks the archive's signature; the recorded SHA-256 is checked on top.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { AptError, aptError, KEYRING_PACKAGE } from "./apt-trouble.ts";
import type { Cache } from "./cache.ts";
import { run } from "./command.ts";
import type { ImageSource } from "./manifest.ts";
import type { OnProgress } from "./progress.ts";
import { aboutPlace } from "./set-up-error.ts";
import { ARCHITECTURE, type PinnedPackage, SUITE } from "./versions.ts";

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

export interface AptPlaces {
  /** URL of the archive. Default: the host's own mirror, else Debian's. */
  mirror?: string;
  /** File with the archive's keys. */
  keyring?: string;
}

/** A version of a package that the archive has. */
interface Available {
  name: string;
  version: string;
  sha256: string;
  size: number;
  /** Whether it is the recorded one. */
  pinned: boolean;
}

const hasProgram = (name: string) =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));

/** Where the host itself gets Debian from, if it does: a mirror near it, or the only one that it can reach. */
async function hostMirror(): Promise<string> {
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
  readonly #places: AptPlaces;
  #ready: Promise<void> | undefined;
  #mirror = DEFAULT_MIRROR;

  /** @param places other ones than the host's and Debian's. */
  constructor(cache: Cache, report: OnProgress, places: AptPlaces = {}) {
    this.#cache = cache;
    this.#report = report;
    this.#places = places;
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
      // An index that cannot be had is a failure, not a warning beside the old one.
      "-oAPT::Update::Error-Mode=any",
      // Everything happens in the user's own directories, which apt's user may not enter.
      "-oAPT::Sandbox::User=root",
    ];
  }

  /** Brings the package lists up to date, at most once a day. @param anew even so. */
  #update(anew = false): Promise<void> {
    if (anew) this.#ready = undefined;
    this.#ready ??= this.#updateLists(anew);
    return this.#ready;
  }

  async #updateLists(anew: boolean): Promise<void> {
    const root = this.#root;
    const stamp = join(root, "updated");
    if (!hasProgram("apt-get")) {
      throw new AptError(
        "other",
        "apt-get is missing. The images are made from Debian's packages: use Debian or Ubuntu.",
      );
    }
    const keyring = this.#places.keyring ?? KEYRING;
    if (!existsSync(keyring)) {
      throw new AptError(
        "keyring",
        `The keys of Debian's archive are missing (${keyring}). Install them, then start again:\n\n  sudo apt-get install ${KEYRING_PACKAGE}\n`,
      );
    }
    this.#mirror = this.#places.mirror ?? (await hostMirror());
    const source = `deb [signed-by=${keyring}] ${this.#mirror} ${SUITE} main\n`;
    if (!anew && (await isFresh(stamp, source))) return;
    // Whatever happens now: what was said of the lists no longer holds.
    await rm(stamp, { force: true });
    for (const directory of ["state/lists/partial", "cache/archives/partial", "none"]) {
      await mkdir(join(root, directory), { recursive: true });
    }
    await writeFile(join(root, "sources.list"), source);
    this.#say("fetching the package lists");
    await this.#run("package lists", ["update"]);
    await writeFile(stamp, source);
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
      throw aptError(what, this.#mirror, cause as Error);
    }
  }

  async #index(name: string): Promise<IndexEntry[]> {
    return parseIndex(await run("apt-cache", [...this.#options, "show", name]).catch(() => ""));
  }

  /** What the archive has for a pin: the pinned version if it still can be had, else the newest of that name. */
  async #resolve(pin: PinnedPackage): Promise<Available> {
    const found = await this.#find(pin);
    if (found?.pinned) return found;
    // Lists of yesterday may name what is gone, and not what has come.
    await this.#update(true);
    const now = await this.#find(pin);
    if (!now) {
      throw new AptError(
        "gone",
        `${this.#mirror} no longer has ${pin.name}, nor a successor. Name another mirror in /etc/apt, or take a newer version of WebTPM.`,
      );
    }
    if (!now.pinned) {
      this.#say(
        `warning: ${pin.name} ${pin.version} is gone from the archive, taking ${now.name} ${now.version}`,
      );
    }
    return now;
  }

  async #find(pin: PinnedPackage): Promise<Available | undefined> {
    const entries = await this.#index(pin.name);
    const same = entries.find((entry) => entry.version === pin.version);
    if (same && same.sha256 !== pin.sha256) {
      throw new AptError(
        "checksum",
        `${pin.name} ${pin.version}: ${this.#mirror} has SHA-256 ${same.sha256}, ${pin.sha256} was recorded. It is not what this project was tried with, and is not taken; use another mirror.`,
      );
    }
    if (same) return { ...pin, size: same.size, pinned: true };
    if (entries[0]) return available(pin.name, entries[0]);
    if (!pin.successorOf) return undefined;
    const name = (await this.#index(pin.successorOf))[0]?.depends.split(/[ ,]/)[0];
    const successor = name ? (await this.#index(name))[0] : undefined;
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
    await this.#update();
    const found = await this.#resolve(pin);
    try {
      return await this.#download(pin, found, kept);
    } catch (error) {
      // The archive may have moved on since the lists were fetched.
      if (!(error instanceof AptError) || (error.trouble !== "gone" && error.trouble !== "checksum"))
        throw error;
      await this.#update(true);
      return this.#download(pin, await this.#resolve(pin), kept);
    }
  }

  async #download(pin: PinnedPackage, found: Available, kept: string): Promise<FetchedPackage> {
    const result = toFetched(pin, found, kept);
    if (await isWhole(result.file, found.sha256)) return result;
    // What an interrupted download has left there is gone on from.
    const download = join(this.#root, "cache", `download-${found.sha256.slice(0, 12)}`);
    await mkdir(download, { recursive: true });
    const what = `${found.name} ${found.version} (${(found.size / 1e6).toFixed(1)} MB)`;
    const showPercent = found.size > LARGE;
    if (!showPercent) this.#say(`fetching ${what}`);
    try {
      await this.#run(what, ["download", `${found.name}=${found.version}`], { cwd: download, showPercent });
    } catch (error) {
      if ((error as AptError).trouble !== "network") await rm(download, { recursive: true, force: true });
      throw error;
    }
    const deb = (await readdir(download)).find((name) => name.endsWith(".deb"));
    const whole = deb !== undefined && (await isWhole(join(download, deb), found.sha256));
    if (whole) await rename(join(download, deb), result.file);
    await rm(download, { recursive: true });
    if (!whole)
      throw new AptError("checksum", `${what} from ${this.#mirror} is not what its list says; start again.`);
    return result;
  }
}

const available = (name: string, { version, sha256, size }: IndexEntry): Available => {
  return { name, version, sha256, size, pinned: false };
};

/** Whether the lists were fetched whole from that very source, within a day. */
async function isFresh(stamp: string, source: string): Promise<boolean> {
  const [status, text] = await Promise.all([stat(stamp), readFile(stamp, "utf8")]).catch(() => []);
  if (!status || text !== source) return false;
  // A clock that was set back makes no list younger.
  return Math.abs(Date.now() - status.mtimeMs) < LISTS_AGE_MS;
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

/** Whether a file is there, and what it should be; a crash may have cut what was kept. */
async function isWhole(file: string, sha256: string): Promise<boolean> {
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
