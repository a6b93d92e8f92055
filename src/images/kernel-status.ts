/**
 * How far the small kernel is, as a file in the cache: the process that builds it writes, any server that shows it
 * to a page reads.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cache } from "./cache.ts";
import type { KernelBuild } from "./manifest.ts";

/** A builder that has not written for so long is gone. */
const STALE_MS = 30_000;

const path = (cache: Cache) => join(cache.root, "kernel-build.json");

export async function writeKernelBuild(cache: Cache, build: KernelBuild): Promise<void> {
  const draft = `${path(cache)}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ ...build, at: Date.now() }));
  await rename(draft, path(cache));
}

/** The state of the last build, or undefined when nobody has built or the builder is gone. */
export async function readKernelBuild(cache: Cache): Promise<KernelBuild | undefined> {
  const text = await readFile(path(cache), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { at, ...build } = JSON.parse(text) as KernelBuild & { at: number };
  const running = build.state === "waiting" || build.state === "building";
  return running && Date.now() - at > STALE_MS ? undefined : build;
}
