/** Somebody else's project: empty but for the packed library and what its README asks for. */
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Cache } from "../../src/images/cache.ts";
import { ImageSet } from "../../src/images/image-set.ts";
import { printProgress } from "../../src/images/progress.ts";

const ROOT = join(import.meta.dirname, "../..");
const runFile = promisify(execFile);
const NPM = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];

/** Runs a program. @returns its standard output; rejects with its output when it fails. */
export async function run(program: string, args: string[], cwd: string): Promise<string> {
  try {
    return (await runFile(program, args, { cwd, timeout: 200_000, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

export interface Tarball {
  path: string;
  /** Paths inside. */
  files: string[];
}

/** What `npm publish` would upload. */
export async function pack(directory: string): Promise<Tarball> {
  const out = await run("npm", ["pack", "--json", "--pack-destination", directory, "--loglevel=error"], ROOT);
  const [packed] = JSON.parse(out.slice(out.indexOf("["))) as [
    { filename: string; files: { path: string }[] },
  ];
  return { path: join(directory, packed.filename), files: packed.files.map(({ path }) => path) };
}

/** The example for pages of one's own, as the README has it. */
export async function readmeExample(): Promise<string> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const example = /^```ts\n([\s\S]*?)^```$/m.exec(readme)?.[1];
  if (!example) throw new Error("the README has no example in TypeScript");
  return example;
}

const HTML = `<!doctype html>
<title>Mine</title>
<link rel="icon" href="data:,">
<div id="screen"><div></div><canvas></canvas></div>
<script type="module" src="/main.ts"></script>
`;

/** Every import that package.json offers, with the types of some. */
const TYPED = `import type { Bridge } from "webtpm/bridge";
import { attachTpm, type MachineBus, type Tpm, type TpmStatus } from "webtpm";
import { SwtpmBackend, type TpmBackend } from "webtpm/backend";
import { CRB, CRB_REGISTERS, REGISTERS, TisDevice } from "webtpm/device";
import { parseEventLog } from "webtpm/eventlog";
import { firmwareFiles, V86Bus } from "webtpm/machine";
import { commandName } from "webtpm/tpm2";
import { bridgePlugin } from "webtpm/vite";

export const attach = (bus: MachineBus): Tpm => attachTpm(bus, { version: "1.2" });
export const attachCrb = (bus: MachineBus): Tpm => attachTpm(bus, { frontEnd: CRB });
export const phase = (status: TpmStatus): "ready" | undefined => (status.phase === "ready" ? "ready" : undefined);
export const classes = [SwtpmBackend, TisDevice, V86Bus, REGISTERS, CRB_REGISTERS, firmwareFiles, parseEventLog, commandName, bridgePlugin];
export type Others = [Bridge, TpmBackend];
// @ts-expect-error there is no such version
export const wrong = (bus: MachineBus): Tpm => attachTpm(bus, { version: "3.0" });
`;

const TSCONFIG = {
  compilerOptions: {
    target: "ES2022",
    module: "ESNext",
    moduleResolution: "bundler",
    lib: ["ES2024", "DOM", "DOM.Iterable"],
    types: ["vite/client", "node"],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
  },
  files: ["main.ts", "typed.ts"],
};

/** Makes the project and installs the packed library in it. */
export async function makeProject(tarball: string): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), "webtpm-package-"));
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const file = (name: string, text: string) => writeFile(join(project, name), text);
  await file("package.json", JSON.stringify({ name: "mine", private: true, type: "module" }));
  await file("index.html", HTML);
  await file("main.ts", await readmeExample());
  await file("typed.ts", TYPED);
  await file("tsconfig.json", JSON.stringify(TSCONFIG));
  const versions = ["v86", "vite", "typescript", "@types/node"].map(
    (name) => `${name}@${devDependencies[name]}`,
  );
  await run("npm", ["install", ...NPM, tarball, ...versions], project);
  await mkdir(join(project, "public"));
  const { manifest, files } = await new ImageSet(new Cache(), printProgress()).read();
  for (const [name, { url }] of Object.entries({
    "bios-256k.bin": manifest.bios,
    "vgabios-stdvga.bin": manifest.vgaBios,
  })) {
    const path = files.get(url);
    if (!path) throw new Error(`${name} is not among the images`);
    await copyFile(path, join(project, "public", name));
  }
  return project;
}
