/**
 * `npm run package`: the library in `lib/`, as it is published: what `package.json` exports, with its types.
 *
 * Each worker is one file without imports of packages, beside the files that start it, and is started literally by
 * `new Worker(new URL("./….js", import.meta.url))`: bundlers find it so, and pages without a bundler can load it.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type InputOptions, type Plugin, rolldown } from "rolldown";

const HELP = `Usage: npm run package [-- OPTIONS]

Makes the library as npm publishes it.

  --out DIRECTORY   where to put it (default: lib, which package.json names); what is in there is deleted
  --help            show this text
`;

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const source = (path: string) => join(ROOT, "src", path);

/** What pages import; file names as in package.json's exports. */
const PAGE = {
  index: source("index.ts"),
  device: source("device.ts"),
  machine: source("machine/index.ts"),
  backend: source("backend/index.ts"),
  tpm2: source("protocol/tpm2/index.ts"),
  eventlog: source("protocol/eventlog/index.ts"),
};
const WORKERS = {
  "tpm.worker": source("worker/tpm.worker.ts"),
  "hidden.worker": source("backend/hidden/hidden.worker.ts"),
};
/** For pages without a bundler: with all that they import. */
const STANDALONE = {
  standalone: source("standalone.ts"),
  elements: source("page/elements/index.ts"),
};
/** For Node. */
const SERVER = {
  bridge: source("node/bridge/index.ts"),
  vite: source("node/bridge/vite-plugin.ts"),
  "webtpm-bridge": source("node/bridge/main.ts"),
  "webtpm-swtpm": source("node/tools/webtpm-swtpm.ts"),
  "webtpm-results": source("node/tools/results.ts"),
};
const TYPES = "types";

/** A worker's address in the sources, from the file that starts it; all built files are in one folder. */
const workerAddresses: Plugin = {
  name: "worker-addresses",
  transform: (code) =>
    code.replace(/new URL\("[./\w]*?\/([\w.]+\.worker)\.ts", import\.meta\.url\)/g, (_, name: string) => {
      if (!Object.hasOwn(WORKERS, name)) throw new Error(`${name} is started, but not built`);
      return `new URL("./${name}.js", import.meta.url)`;
    }),
};

const WASM = "v86.wasm";
/** Vite's way to ask for a file's address, made everybody's. */
const wasmAddress: Plugin = {
  name: "wasm-address",
  resolveId: (id) => (id === "v86/build/v86.wasm?url" ? `\0${WASM}` : undefined),
  load: (id) =>
    id === `\0${WASM}` ? `export default new URL("./${WASM}", import.meta.url).href;` : undefined,
};

/** Style sheets as Vite takes them: as text where they are asked for as such; elements bring their own. */
const styleText: Plugin = {
  name: "style-text",
  resolveId: (id, importer) =>
    /\.css(\?inline)?$/.test(id) && importer ? `\0css:${resolve(dirname(importer), id)}` : undefined,
  load(id) {
    if (!id.startsWith("\0css:")) return undefined;
    const [path, as] = id.slice("\0css:".length).split("?") as [string, string?];
    const code = as ? `export default ${JSON.stringify(readFileSync(path, "utf8"))};` : "";
    return { code, moduleType: "js", moduleSideEffects: false };
  },
};

/**
 * What v86 would have of Node, where it finds itself there: nothing in a page, where it does not ask. Bundlers look for it
 * all the same, and fail.
 */
const noNode: Plugin = {
  name: "no-node",
  resolveId: (id) => (isBuiltin(id) ? "\0node" : undefined),
  load: (id) => (id === "\0node" ? "export default {};" : undefined),
};

async function bundle(out: string, input: Record<string, string>, options: InputOptions): Promise<void> {
  const { plugins, ...others } = options;
  const all = [workerAddresses, wasmAddress, styleText, plugins];
  const bundled = await rolldown({ ...others, input, plugins: all, cwd: ROOT });
  await bundled.write({
    dir: out,
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunk-[hash].js",
    comments: { legal: true, annotation: true, jsdoc: false },
  });
  await bundled.close();
}

/** CommonJS, which browsers without a bundler cannot load, with what it asks Node for: part of what is built. */
const CARRIED = ["xz-decompress", "stream/web"];
/** Packages stay imports where npm installs them beside the library. */
const isPackage = (id: string): boolean =>
  !/^[./\0]/.test(id) && !id.includes("?url") && !CARRIED.includes(id);

/** TypeScript's own compiler writes the declarations; they name each other as `.ts`, which only sources may. */
function declare(out: string): void {
  const types = join(out, TYPES);
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  const args = ["-p", source("tsconfig.package.json"), "--outDir", types, "--rootDir", join(ROOT, "src")];
  const { status } = spawnSync(tsc, args, { cwd: ROOT, stdio: ["ignore", 2, 2] });
  if (status !== 0) throw new Error("the declarations could not be made");
  const { exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const entries = Object.values(exports as Record<string, { types?: string }>).flatMap(
    (entry) => entry.types ?? [],
  );
  const kept = new Set<string>();
  for (const entry of entries) keepDeclarations(join(types, relative(`./lib/${TYPES}`, entry)), kept);
  for (const entry of readdirSync(types, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && !kept.has(path)) rmSync(path);
  }
}

/** What is imported for its effect alone says nothing of types, and what nobody names then is left out. */
function keepDeclarations(path: string, kept: Set<string>): void {
  if (kept.has(path)) return;
  kept.add(path);
  const text = readFileSync(path, "utf8").replace(/^import "\..*";\n/gm, "");
  const named = /((?:from|import\() ?"\.[^"]*)\.ts"/g;
  for (const [match] of text.matchAll(named)) {
    const target = match.slice(match.indexOf('"') + 1, -'.ts"'.length);
    keepDeclarations(`${join(dirname(path), target)}.d.ts`, kept);
  }
  writeFileSync(path, text.replace(named, '$1.js"'));
}

/** Makes the library in an empty directory. */
export async function buildPackage(out: string): Promise<void> {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await bundle(out, PAGE, { external: isPackage, platform: "browser" });
  await bundle(out, STANDALONE, { plugins: noNode, platform: "browser" });
  for (const [name, file] of Object.entries(WORKERS)) {
    await bundle(out, { [name]: file }, { plugins: noNode, platform: "browser" });
  }
  await bundle(out, SERVER, { external: isPackage, platform: "node" });
  for (const command of ["webtpm-bridge", "webtpm-swtpm", "webtpm-results"])
    chmodSync(join(out, `${command}.js`), 0o755);
  const v86 = createRequire(import.meta.url).resolve("v86/build/v86.wasm");
  copyFileSync(v86, join(out, WASM));
  copyFileSync(join(dirname(v86), "../LICENSE"), join(out, "LICENSE.v86"));
  declare(out);
}

const { values } = parseArgs({
  options: { out: { type: "string", default: "lib" }, help: { type: "boolean" } },
});
if (values.help) console.log(HELP);
else {
  await buildPackage(join(process.cwd(), values.out));
  // Standard output belongs to `npm pack`, which runs this.
  console.error(`The library is in ${values.out}.`);
}
