/**
 * apt's package lists in the cache, and apt-get with them: lists, cache and sources of its own, so that the host's own
 * package set stays as it is. apt checks the archive's signature.
 */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { AptError, aptError, KEYRING_PACKAGE } from "./apt-trouble.ts";
import type { Cache } from "./cache.ts";
import { run } from "./command.ts";
import type { OnProgress } from "./progress.ts";
import { ARCHITECTURE, SUITE } from "./versions.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const DEFAULT_MIRROR = "http://deb.debian.org/debian";
const LISTS_AGE_MS = 24 * 3600 * 1000;

export interface AptPlaces {
  /** URL of the archive. Default: the host's own mirror, else Debian's. */
  mirror?: string;
  /** File with the archive's keys. */
  keyring?: string;
  /** Whose packages, as Debian names it. Default: the guest's. */
  architecture?: string;
}

/** Whose lists: packages, or their sources. */
export type AptKind = "deb" | "deb-src";

/** Sources are wanted seldom, and their list is as long as all others together: it has a folder of its own. */
const FOLDER: Record<AptKind, string> = { deb: "apt", "deb-src": "apt-source" };

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

/** Fields of each entry of an index, as apt-cache prints them; the lines that follow a field belong to it. */
export function parseStanzas(text: string): Record<string, string>[] {
  return text
    .split(/\n\n+/)
    .map((stanza) => Object.fromEntries(stanza.split(/\n(?! )/).map((field) => splitField(field))));
}

function splitField(field: string): [string, string] {
  const colon = field.indexOf(":");
  return colon < 0 ? [field, ""] : [field.slice(0, colon), field.slice(colon + 1).trim()];
}

export class AptLists {
  /** The folder with lists and downloads. */
  readonly root: string;
  readonly #architecture: string;
  readonly #kind: AptKind;
  readonly #report: OnProgress;
  readonly #places: AptPlaces;
  readonly #suite: string;
  #ready: Promise<void> | undefined;
  #mirror = DEFAULT_MIRROR;

  constructor(cache: Cache, kind: AptKind, report: OnProgress, places: AptPlaces, suite: string = SUITE) {
    const { architecture = ARCHITECTURE } = places;
    const apart = [architecture === ARCHITECTURE ? [] : architecture, suite === SUITE ? [] : suite].flat();
    this.root = join(cache.root, [FOLDER[kind], ...apart].join("-"));
    this.#architecture = architecture;
    this.#suite = suite;
    this.#kind = kind;
    this.#report = report;
    this.#places = places;
  }

  /** URL of the archive, once the lists are there. */
  get mirror(): string {
    return this.#mirror;
  }

  get #options(): string[] {
    const { root } = this;
    return [
      `-oAPT::Architecture=${this.#architecture}`,
      `-oAPT::Architectures=${this.#architecture}`,
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

  /** Brings the lists up to date, at most once a day. @param anew even so. @throws {AptError} */
  update(anew = false): Promise<void> {
    if (anew) this.#ready = undefined;
    this.#ready ??= this.#updateLists(anew);
    return this.#ready;
  }

  async #updateLists(anew: boolean): Promise<void> {
    const { root } = this;
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
    const source = `${this.#kind} [signed-by=${keyring}] ${this.#mirror} ${this.#suite} main\n`;
    if (!anew && (await isFresh(stamp, source))) return;
    // Whatever happens now: what was said of the lists no longer holds.
    await rm(stamp, { force: true });
    for (const directory of ["state/lists/partial", "cache/archives/partial", "none"]) {
      await mkdir(join(root, directory), { recursive: true });
    }
    await writeFile(join(root, "sources.list"), source);
    this.say("fetching the package lists");
    await this.get("package lists", ["update"]);
    await writeFile(stamp, source);
  }

  /** Tells how far it is. */
  say(message: string, percent?: number): void {
    this.#report({ step: "Debian packages", message, ...(percent === undefined ? {} : { percent }) });
  }

  /** Runs apt-get. @param what it fetches, in words. @throws {AptError} */
  async get(
    what: string,
    args: readonly string[],
    options: { cwd?: string; showPercent?: boolean } = {},
  ): Promise<void> {
    try {
      await run("apt-get", [...this.#options, "-oAPT::Status-Fd=2", "-q", ...args], {
        ...(options.cwd ? { cwd: options.cwd } : {}),
        onErrorLine: (line) => {
          const percent = /^dlstatus:\d+:([\d.]+):/.exec(line)?.[1];
          if (percent && options.showPercent) this.say(`fetching ${what}`, Number(percent));
        },
      });
    } catch (cause) {
      throw aptError(what, this.#mirror, cause as Error);
    }
  }

  /** What the lists have of a package, one record for each version. */
  async index(name: string): Promise<Record<string, string>[]> {
    const query = this.#kind === "deb" ? ["show", name] : ["-oAPT::Cache::Only-Source=true", "showsrc", name];
    return parseStanzas(await run("apt-cache", [...this.#options, ...query]).catch(() => ""));
  }
}

/** Whether the lists were fetched whole from that very source, within a day. */
async function isFresh(stamp: string, source: string): Promise<boolean> {
  const [status, text] = await Promise.all([stat(stamp), readFile(stamp, "utf8")]).catch(() => []);
  if (!status || text !== source) return false;
  // A clock that was set back makes no list younger.
  return Math.abs(Date.now() - status.mtimeMs) < LISTS_AGE_MS;
}
