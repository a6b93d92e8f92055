/**
 * How far an image is that takes minutes to build, as a file in the cache: the process that builds it writes, any
 * server that shows it to a page reads.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageBuild } from "../../session/images/manifest.ts";
import type { Cache } from "./cache.ts";

/** What is built in the background. */
export type BuildName = "kernel" | "uefi" | "debian";

/** A builder that has not written for so long is gone. */
const STALE_MS = 30_000;

const path = (cache: Cache, name: BuildName) => join(cache.root, `${name}-build.json`);

export async function writeBuild(cache: Cache, name: BuildName, build: ImageBuild): Promise<void> {
  const draft = `${path(cache, name)}.${process.pid}`;
  await writeFile(draft, JSON.stringify({ ...build, at: Date.now() }));
  await rename(draft, path(cache, name));
}

/** The state of the last build, or undefined when nobody has built or the builder is gone. */
export async function readBuild(cache: Cache, name: BuildName): Promise<ImageBuild | undefined> {
  const text = await readFile(path(cache, name), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { at, ...build } = JSON.parse(text) as ImageBuild & { at: number };
  const running = build.state === "waiting" || build.state === "building";
  return running && Date.now() - at > STALE_MS ? undefined : build;
}
