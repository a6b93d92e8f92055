/** Packs the library, installs it elsewhere, and does there what the README says. */
import { access, copyFile, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "@playwright/test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, FLAGS } from "../chromium.ts";
import { FileServer } from "../static/file-server.ts";
import {
  makeProject,
  Programs,
  pack,
  readmeExample,
  run,
  standaloneExample,
  type Tarball,
  withBridge,
} from "./consumer.ts";

/** The address that the README's example names. */
const BRIDGE_PORT = "8766";

let scratch: string;
let tarball: Tarball;
let project: string;
let browser: Browser;
const programs = new Programs();
const servers: FileServer[] = [];
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "webtpm-pack-"));
  tarball = await pack(scratch);
  project = await makeProject(tarball.path);
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers) await server.stop();
  await programs.end();
  for (const directory of [scratch, project]) if (directory) await rm(directory, { recursive: true });
});

const installed = (name: string) => join(project, "node_modules", name);
const bin = (name: string) => installed(join(".bin", name));

/** Starts a program of the project. @returns what it printed up to a match of `until`. */
const start = (program: string, args: string[], until: RegExp) =>
  programs.start(bin(program), args, project, until);

/** Serves a folder as any host does. @returns its origin. */
async function serve(directory: string, headers: Record<string, string> = ISOLATED): Promise<string> {
  const server = new FileServer(directory, { headers });
  servers.push(server);
  await server.start();
  return new URL(server.url).origin;
}

/** Opens the page of the example, and waits until its firmware has measured something. */
async function measures(url: string): Promise<{ said: string[]; workers: string[] }> {
  const page = await browser.newPage();
  const errors: Error[] = [];
  const said: string[] = [];
  page.on("pageerror", (error) => errors.push(error));
  page.on("console", (message) => said.push(message.text()));
  try {
    await page.goto(url);
    const extended = () => said.includes("TPM2_PCR_Extend TPM_RC_SUCCESS");
    const over = () => extended() || errors.length > 0;
    await expect
      .poll(over, { timeout: 90_000 })
      .toBe(true)
      .catch(async (cause) => {
        throw new Error(`nothing was extended; the page says: ${await page.textContent("body")}`, { cause });
      });
    expect({ errors, said }).toMatchObject({ errors: [] });
    return { said, workers: page.workers().map((worker) => worker.url()) };
  } finally {
    await page.close();
  }
}

describe("the tarball", () => {
  it("has library, declarations, licence and notices, and nothing else", () => {
    const kinds = /^(lib\/[\w.-]+\.(js|wasm)|lib\/LICENSE\.v86|lib\/types\/.+\.d\.ts)$/;
    const others = tarball.files.filter((path) => !kinds.test(path)).sort();
    expect(others).toEqual(["LICENSE", "NOTICES.md", "README.md", "package.json"]);
    expect(tarball.files).toContain("lib/tpm.worker.js");
    expect(tarball.files).toContain("lib/hidden.worker.js");
  });

  it("has every file that package.json names", async () => {
    const { exports, bin } = JSON.parse(await readFile(join(installed("webtpm"), "package.json"), "utf8"));
    const named = [...Object.values(exports), ...Object.values(bin)].flatMap((entry) =>
      typeof entry === "string" ? [entry] : Object.values(entry as Record<string, string>),
    );
    expect(named.length).toBeGreaterThan(15);
    for (const path of named) await access(join(installed("webtpm"), path));
  });

  it("has workers that import nothing", async () => {
    for (const name of ["tpm.worker.js", "hidden.worker.js"]) {
      const code = await readFile(join(installed("webtpm"), "lib", name), "utf8");
      expect(code.match(/^(import|export) .*from .*/gm), name).toBeNull();
    }
  });
});

describe("a project that has it installed", () => {
  it("has the bridge's command", async () => {
    expect(await run("npx", ["--no-install", "webtpm-bridge", "--help"], project)).toMatch(
      /^Usage: webtpm-bridge \[options\]/,
    );
    expect(await run("npx", ["--no-install", "webtpm-bridge", "--version"], project)).toMatch(
      /^\d+\.\d+\.\d+$/m,
    );
  });

  it("type-checks against it, the README's example included", async () => {
    expect((await readmeExample()).trim().split("\n").length).toBeLessThanOrEqual(15);
    await run(bin("tsc"), ["-p", "."], project);
  });

  it("has modules that Node can load too, where they need no page", async () => {
    const script = `
      const names = await Promise.all(["device", "machine", "backend", "tpm2", "eventlog", "bridge", "vite"]
        .map(async (name) => Object.keys(await import("webtpm/" + name)).length));
      console.log(Math.min(...names));`;
    expect(Number(await run("node", ["--input-type=module", "--eval", script], project))).toBeGreaterThan(0);
  });

  it("boots a PC that measures its firmware, with no server for its TPM: built by Vite, device in a worker", async () => {
    await run(bin("vite"), ["build", "--logLevel=warn"], project);
    const url = await serve(join(project, "dist"));
    const { said, workers } = await measures(url);
    expect(said.find((line) => line.startsWith("TPM2_"))).toBe("TPM2_Startup TPM_RC_SUCCESS");
    expect(workers.some((worker) => worker.includes("tpm.worker"))).toBe(true);
    expect(workers.some((worker) => worker.includes("hidden.worker"))).toBe(true);
  });

  it("boots it on a page that is not isolated, device on the page's thread", async () => {
    const { workers } = await measures(await serve(join(project, "dist"), {}));
    expect(workers.some((worker) => worker.includes("hidden.worker"))).toBe(true);
  });

  it("boots it from what esbuild makes of the example, beside the three files that the README names", async () => {
    await writeFile(join(project, "main.ts"), await standaloneExample());
    const args = ["main.ts", "--bundle", "--format=esm", "--outfile=esbuild/main.js", "--log-level=warning"];
    await run(bin("esbuild"), args, project);
    for (const name of ["tpm.worker.js", "hidden.worker.js", "v86.wasm"])
      await copyFile(join(installed("webtpm"), "lib", name), join(project, "esbuild", name));
    await bootsIn("esbuild");
  });

  /** The page of the example, with its script from `folder`. */
  async function bootsIn(folder: string): Promise<void> {
    const html = await readFile(join(project, "index.html"), "utf8");
    await writeFile(join(project, folder, "index.html"), html.replace("/main.ts", "./main.js"));
    await symlink(join(project, "public/images"), join(project, folder, "images"));
    const { workers } = await measures(await serve(join(project, folder)));
    expect(workers.length).toBeGreaterThanOrEqual(2);
  }

  it("boots it with a bridge as a command", async () => {
    await writeFile(join(project, "main.ts"), await withBridge());
    await run(bin("tsc"), ["-p", "."], project);
    await run(bin("vite"), ["build", "--logLevel=warn"], project);
    const url = await serve(join(project, "dist"));
    await start("webtpm-bridge", ["--port", BRIDGE_PORT, "--allow-origin", url], /http:\S+\/tpm\n/);
    const { workers } = await measures(url);
    expect(workers.some((worker) => worker.includes("tpm.worker"))).toBe(true);
    expect(workers.some((worker) => worker.includes("hidden.worker"))).toBe(false);
  });

  it("says on the page what is wrong where the bridge serves another origin", async () => {
    const page = await browser.newPage();
    try {
      // The bridge of the test before serves that test's page.
      await page.goto(await serve(join(project, "dist")));
      await expect
        .poll(() => page.textContent("body"), { timeout: 60_000 })
        .toMatch(/There is no TPM: .*--allow-origin/);
    } finally {
      await page.close();
    }
  });

  it("boots it from Vite's development server, with the bridge inside", async () => {
    await writeFile(join(project, "main.ts"), await withBridge("/tpm"));
    const config = `import { bridgePlugin } from "webtpm/vite";
      export default {
        plugins: [bridgePlugin()],
        optimizeDeps: { exclude: ["webtpm"] },
        server: { host: "127.0.0.1", headers: ${JSON.stringify(ISOLATED)} },
      };`;
    await writeFile(join(project, "vite.config.js"), config);
    const [, url = ""] = await start("vite", ["--port", "0"], /(http:\/\/127\.0\.0\.1:\d+)\//);
    const { workers } = await measures(url);
    expect(workers.some((worker) => worker.includes("tpm.worker"))).toBe(true);
  });
});
