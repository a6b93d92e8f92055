/** Somebody else's project: empty but for the packed library and what its README asks for. */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { StartedProgram } from "../started-program.ts";

export const ROOT = join(import.meta.dirname, "../..");
const runFile = promisify(execFile);
const NPM = ["--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];

/** Of Chromium. */

/** Runs a program. @returns its standard output; rejects with its output when it fails. */
export async function run(
  program: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  try {
    const options = { cwd, timeout: 200_000, maxBuffer: 2 ** 26, env: { ...process.env, ...env } };
    return (await runFile(program, args, options)).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** That the README names besides Vite. */
const BUNDLERS = ["esbuild@0.28.2"];

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

/** The markup that the README has the example in, and its lines, as a page. */
async function readmePage(): Promise<string> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const markup = /^```html\n([\s\S]*?)^```$/m.exec(readme)?.[1];
  if (!markup) throw new Error("the README has no markup for its example");
  return `<!doctype html>\n<title>Mine</title>\n<link rel="icon" href="data:,">\n${markup}`;
}

/** The example with v86 from this package, as the README has it for other bundlers than Vite. */
export async function standaloneExample(): Promise<string> {
  const imports = /^import \{ V86 \} from "v86";\nimport \{ (.*) \} from "webtpm";$/m;
  const example = await readmeExample();
  if (!imports.test(example)) throw new Error("the README's example imports something else");
  return example.replace(imports, 'import { $1, V86 } from "webtpm/standalone";');
}

/** The line with which the README takes a bridge in place of the hidden machine. */
export async function withBridge(address?: string): Promise<string> {
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const lines = readme.match(/^const tpm = attachTpm\(.*$/gm);
  if (lines?.length !== 2) throw new Error("the README no longer has the example with a bridge");
  const [hidden, bridge] = lines as [string, string];
  const own = address ? bridge.replace("http://127.0.0.1:8766/tpm", address) : bridge;
  return (await readmeExample()).replace(hidden, own);
}

/** Every import that package.json offers, with the types of some. */
const TYPED = `import type { Bridge } from "webtpm/bridge";
import { attachTpm, loadHiddenImages, type MachineBus, type Tpm, type TpmStatus } from "webtpm";
import type { CommandRecord, PcrBank, TpmAttachOptions } from "webtpm";
import { SwtpmBackend, type TpmBackend } from "webtpm/backend";
import { TpmElement, type WebTpmPcrs } from "webtpm/elements";
import { CRB, CRB_REGISTERS, REGISTERS, TisDevice } from "webtpm/device";
import { parseEventLog } from "webtpm/eventlog";
import { firmwareFiles, V86Bus } from "webtpm/machine";
import { V86 } from "webtpm/standalone";
import { commandName } from "webtpm/tpm2";
import { bridgePlugin } from "webtpm/vite";

export const attach = (bus: MachineBus): Tpm => attachTpm(bus, { version: "1.2" });
export const attachCrb = (bus: MachineBus): Tpm => attachTpm(bus, { frontEnd: CRB });
export const phase = (status: TpmStatus): "ready" | undefined => (status.phase === "ready" ? "ready" : undefined);
export const classes = [loadHiddenImages, V86, SwtpmBackend, TisDevice, V86Bus, REGISTERS, CRB_REGISTERS, firmwareFiles, parseEventLog, commandName, bridgePlugin];
export type Others = [Bridge, TpmBackend];
/** Holds where both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <T extends true>(): T | undefined => undefined;
holds<Same<CommandRecord["origin"], "guest" | "page">>();
holds<Same<CommandRecord["duration"], number | undefined>>();
holds<Same<PcrBank["values"], Uint8Array[]>>();
holds<Same<NonNullable<TpmAttachOptions["version"]>, "2.0" | "1.2">>();
holds<Same<Awaited<ReturnType<typeof loadHiddenImages>>["state"], ArrayBuffer>>();
holds<Same<HTMLElementTagNameMap["webtpm-pcrs"], WebTpmPcrs>>();
holds<Same<Awaited<Tpm["ready"]>, void>>();
export const show = (tpm: Tpm) => {
  const element = document.createElement("webtpm-commands");
  element.tpm = tpm;
  // @ts-expect-error a number is no TPM
  element.tpm = 1;
  tpm.on("command", ({ name, responseName }) => [name.length, responseName?.length]);
  // @ts-expect-error there is no such event
  tpm.on("nonsense", () => undefined);
  return element instanceof TpmElement;
};
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
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
  },
  files: ["main.ts", "typed.ts"],
};

/** Installs what the project wants, and these. */
export async function install(project: string, packages: string[] = []): Promise<void> {
  await run("npm", ["install", ...NPM, ...packages], project);
}

/** Fills a folder with images, as the README says. */
export async function makeImages(out: string): Promise<void> {
  await run("npm", ["run", "--silent", "images", "--", "--out", out], ROOT);
}

/** Makes the project and installs the packed library in it. */
export async function makeProject(tarball: string): Promise<string> {
  const project = await mkdtemp(join(tmpdir(), "webtpm-package-"));
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
  const file = (name: string, text: string) => writeFile(join(project, name), text);
  await file("package.json", JSON.stringify({ name: "mine", private: true, type: "module" }));
  await file("index.html", await readmePage());
  await file("main.ts", await readmeExample());
  await file("typed.ts", TYPED);
  await file("tsconfig.json", JSON.stringify(TSCONFIG));
  const versions = ["v86", "vite", "typescript", "@types/node"].map(
    (name) => `${name}@${devDependencies[name]}`,
  );
  await install(project, [tarball, ...versions, ...BUNDLERS]);
  await makeImages(join(project, "public/images"));
  return project;
}

/** Programs that run beside the tests, and end with them. */
export class Programs {
  readonly #all: StartedProgram[] = [];

  /** Starts one in a directory. @returns what it has printed up to a match of `until`. */
  start(program: string, args: string[], cwd: string, until: RegExp): Promise<RegExpExecArray> {
    const started = new StartedProgram(program, args, { cwd, env: { NO_COLOR: "1", PORT: "0" } });
    this.#all.push(started);
    return started.said(until);
  }

  async end(): Promise<void> {
    for (const program of this.#all) await program.stop();
  }
}
