/**
 * The page as `npm start` serves it: built, so that a visit takes a dozen requests and not 250. It is built once for the
 * sources as they are, and kept in the cache.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { type Cache, contentKey } from "../images/cache.ts";
import { SERVED_MODE } from "../images/vite-plugin.ts";
import { asProduction } from "./as-production.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** What goes into the page, or decides how it is built. */
const SOURCES = ["index.html", "package-lock.json", "public", "src", "vite.config.ts"];
const NOT_IN_THE_PAGE = /\.test\.ts$/;

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOTDIR") return undefined;
      throw error;
    },
  );
  if (!entries) return [join(ROOT, path)];
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** Names the sources by their content and by where they lie in the project. */
async function sourcesKey(): Promise<string> {
  const files = (await Promise.all(SOURCES.map(filesBelow))).flat();
  const wanted = files.filter((file) => !NOT_IN_THE_PAGE.test(file)).sort();
  const parts = await Promise.all(
    wanted.map(async (file) => [file.slice(ROOT.length), await readFile(file)] as const),
  );
  return contentKey(parts.flat());
}

/**
 * @param onBuild called when there is no page of these sources yet
 * @returns the folder of the built page; the images are not in it, the server has them
 */
export async function servedPage(cache: Cache, onBuild: () => void): Promise<string> {
  const recipe = {
    name: "page",
    key: await sourcesKey(),
    build: async (outDir: string) => {
      onBuild();
      asProduction();
      await build({
        root: ROOT,
        mode: SERVED_MODE,
        logLevel: "error",
        // A page to look into: what the debugger shows are the sources.
        build: {
          outDir,
          emptyOutDir: true,
          sourcemap: true,
          rolldownOptions: { checks: { pluginTimings: false } },
        },
      });
    },
  };
  return cache.get(recipe);
}
