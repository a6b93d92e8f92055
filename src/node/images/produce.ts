/** Cache entries with a record beside their files of what they were made of. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageSource } from "../../session/images/manifest.ts";
import { asSource, type FetchedPackage } from "./apt.ts";
import type { Cache } from "./cache.ts";

/** What a builder tells about what it made. */
export interface Produced {
  sources: FetchedPackage[];
  /** Sources of other images that this one was made from. */
  inherited?: ImageSource[];
  /** Of a kernel: `uname -r`. Of the UEFI firmware: its source's version. */
  release?: string;
}

/** The record, as it lies in the cache. */
export interface Entry {
  directory: string;
  sources: ImageSource[];
  release?: string;
}

const RECORD = "record.json";

export interface ProduceRecipe {
  name: string;
  key: string;
  build(directory: string): Promise<Produced>;
  onWait?(): void;
}

/** Reads an entry that is in the cache. */
export async function readEntry(directory: string): Promise<Entry> {
  return { directory, ...JSON.parse(await readFile(join(directory, RECORD), "utf8")) };
}

/** Gives an entry of the cache, built first when it is not there. */
export async function produce(cache: Cache, recipe: ProduceRecipe): Promise<Entry> {
  const directory = await cache.get({
    ...recipe,
    async build(draft) {
      const { sources, inherited = [], ...rest } = await recipe.build(draft);
      await writeFile(
        join(draft, RECORD),
        JSON.stringify({ ...rest, sources: [...sources.map(asSource), ...inherited] }, null, 2),
      );
    },
  });
  return readEntry(directory);
}
