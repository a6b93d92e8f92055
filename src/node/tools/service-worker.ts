/** The service worker of a static build: bundled, with the name of the build and the list of its files written in. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { contentKey } from "../images/cache.ts";

/** In the page's own folder, because a worker serves what is below it. */
const SCRIPT = "sw.js";
/** For the host, which does not serve it. */
export const HEADERS_FILE = "_headers";
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const SOURCE = fileURLToPath(new URL("../../page/app/offline/service-worker.ts", import.meta.url));

/** What a first boot needs, in its order; what is named nowhere here comes after it, and what is last comes last. */
const FIRST = [
  /^index\.html$/,
  /^assets\//,
  /^images\/manifest/,
  /^images\/(bios|vgabios)/,
  /^images\/initrd/,
];
const LAST = /^(notices\/|images\/(bzImage|prepared))/;

/** A file of the build: path, bytes, SHA-256 in base64; as `src/page/app/offline/shelf.ts` reads it. */
type Listed = [path: string, size: number, sha256: string];

const rank = (path: string) => {
  const first = FIRST.findIndex((pattern) => pattern.test(path));
  if (first >= 0) return first;
  return LAST.test(path) ? FIRST.length + 1 : FIRST.length;
};

async function list(directory: string): Promise<Listed[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .filter((path) => path !== SCRIPT && path !== HEADERS_FILE);
  const files = paths.map(async (path): Promise<Listed> => {
    const bytes = await readFile(join(directory, path));
    return [path, bytes.length, createHash("sha256").update(bytes).digest("base64")];
  });
  const order = ([a, sizeA]: Listed, [b, sizeB]: Listed) =>
    rank(a) - rank(b) || sizeA - sizeB || (a < b ? -1 : 1);
  return (await Promise.all(files)).sort(order);
}

/**
 * Writes `sw.js` into a finished build; anew after any change of its files.
 * @param headers what it adds where the host does not send it
 * @returns the name of the build: a digest of all that is in it.
 */
export async function writeServiceWorker(
  directory: string,
  headers: Record<string, string>,
): Promise<string> {
  const files = await list(directory);
  const name = contentKey([JSON.stringify(headers), ...files.map((file) => JSON.stringify(file))]);
  await build({
    configFile: false,
    logLevel: "warn",
    root: ROOT,
    publicDir: false,
    define: {
      WEBTPM_BUILD: JSON.stringify(name),
      WEBTPM_FILES: JSON.stringify(files),
      WEBTPM_HEADERS: JSON.stringify(headers),
    },
    build: {
      outDir: directory,
      emptyOutDir: false,
      target: "es2022",
      copyPublicDir: false,
      rolldownOptions: { input: SOURCE, output: { format: "iife", entryFileNames: SCRIPT } },
    },
  });
  return name;
}
