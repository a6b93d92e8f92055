/**
 * The cache of everything that is fetched or built: one directory for each recipe, named by what went into it, so
 * that a changed recipe is built anew and an unchanged one never twice. An entry is built beside the cache and moved
 * in whole; two processes that want the same one wait for each other.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { aboutPlace } from "./set-up-error.ts";

/** The cache directory: `WEBTPM_CACHE`, else `webtpm` in `XDG_CACHE_HOME` or in `~/.cache`. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  if (env.WEBTPM_CACHE) return env.WEBTPM_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "webtpm");
}

/** The first 16 hex digits of the SHA-256 over all parts, each with its length, so that parts cannot run together. */
export function contentKey(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    hash.update(`${bytes.length}:`).update(bytes);
  }
  return hash.digest("hex").slice(0, 16);
}

export interface Recipe {
  /** Short name, part of the directory's. */
  name: string;
  /** From `contentKey`. */
  key: string;
  /** Fills the empty directory that it is given. */
  build(directory: string): Promise<void>;
  /** Called once when another process holds the lock. */
  onWait?(): void;
}

export class Cache {
  readonly root: string;

  constructor(root = cacheDirectory()) {
    this.root = root;
  }

  /** The directory of a recipe, whether or not it is there. */
  path(recipe: Pick<Recipe, "name" | "key">): string {
    return join(this.root, `${recipe.name}-${recipe.key}`);
  }

  has(recipe: Pick<Recipe, "name" | "key">): boolean {
    return existsSync(this.path(recipe));
  }

  /** The recipe's directory, built first when it is not there. */
  async get(recipe: Recipe): Promise<string> {
    const target = this.path(recipe);
    if (existsSync(target)) {
      await touch(target);
      return target;
    }
    return this.locked(`${recipe.name}-${recipe.key}`, recipe.onWait, async () => {
      if (existsSync(target)) return target;
      const draft = join(this.root, `.draft-${recipe.name}-${recipe.key}-${process.pid}`);
      await rm(draft, { recursive: true, force: true });
      await mkdir(draft, { recursive: true });
      try {
        await recipe.build(draft);
        await rename(draft, target).catch((error) => {
          // Someone else was quicker, which can only be when a lock was taken for stale.
          if (!existsSync(target)) throw error;
        });
      } catch (error) {
        throw aboutPlace(error, this.root);
      } finally {
        await rm(draft, { recursive: true, force: true });
      }
      return target;
    });
  }

  /** Does `work` while no other process does work of that name. */
  async locked<T>(name: string, onWait: (() => void) | undefined, work: () => Promise<T>): Promise<T> {
    const path = join(this.root, `.lock-${name}`);
    const take = async () => {
      try {
        await mkdir(this.root, { recursive: true });
        return await tryLock(path);
      } catch (error) {
        throw aboutPlace(error, this.root);
      }
    };
    let told = false;
    while (!(await take())) {
      if (!told) onWait?.();
      told = true;
      await sleep(300);
    }
    // Touched while held: a lock that was not touched for long belongs to a process that is gone.
    const beat = setInterval(() => void touch(path), BEAT_MS);
    beat.unref();
    try {
      return await work();
    } finally {
      clearInterval(beat);
      await rm(path, { force: true });
    }
  }

  /** Removes drafts and locks that ended processes left behind, and entries that nobody wanted for a month. */
  async sweep(): Promise<void> {
    for (const name of await readdir(this.root).catch(() => [])) {
      const path = join(this.root, name);
      if (ENTRY.test(name) && (await age(path)) > UNUSED_MS) await rm(path, { recursive: true, force: true });
      if (name.startsWith(".lock-")) await removeStale(path);
      const draftOwner = /^\.draft-.*-(\d+)$/.exec(name)?.[1];
      if (draftOwner && !isAlive(Number(draftOwner))) await rm(path, { recursive: true, force: true });
    }
  }
}

const BEAT_MS = 5_000;
/** Without a touch for so long a lock is stale, even if its number now belongs to another process. */
const STALE_MS = 60_000;
/** The name of a recipe's directory. */
const ENTRY = /^[a-z][a-z-]*-[0-9a-f]{16}$/;
const UNUSED_MS = 30 * 24 * 3600 * 1000;

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Marks a file as used now; one that has just been removed needs no mark. */
const touch = (path: string) => utimes(path, new Date(), new Date()).catch(() => undefined);

/** Milliseconds since a file was touched; 0 for one that is not there. */
async function age(path: string): Promise<number> {
  const status = await stat(path).catch(() => undefined);
  return status ? Date.now() - status.mtimeMs : 0;
}

async function removeStale(path: string): Promise<void> {
  const owner = Number(await readFile(path, "utf8").catch(() => ""));
  const dead = Number.isInteger(owner) && owner > 0 && !isAlive(owner);
  if (dead || (await age(path)) > STALE_MS) await rm(path, { force: true });
}

async function tryLock(path: string): Promise<boolean> {
  try {
    const file = await open(path, "wx");
    await file.writeFile(String(process.pid));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    await removeStale(path);
    return false;
  }
}
