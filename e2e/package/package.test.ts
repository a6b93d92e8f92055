/** Packs the library, installs it elsewhere, and does there what the README says. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "@playwright/test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeProject, pack, readmeExample, run, type Tarball } from "./consumer.ts";

const FLAGS = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync".split(" ");
/** The address that the README's example names. */
const BRIDGE_PORT = "8766";

let scratch: string;
let tarball: Tarball;
let project: string;
let browser: Browser;
const children: ChildProcess[] = [];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "webtpm-pack-"));
  tarball = await pack(scratch);
  project = await makeProject(tarball.path);
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
});
afterAll(async () => {
  await browser?.close();
  for (const child of children) {
    const ended = once(child, "exit");
    if (child.kill("SIGTERM")) await ended;
  }
  for (const directory of [scratch, project]) if (directory) await rm(directory, { recursive: true });
});

const installed = (name: string) => join(project, "node_modules", name);
const bin = (name: string) => installed(join(".bin", name));

/** Starts a program of the project. @returns what it printed up to a match of `until`. */
async function start(program: string, args: string[], until: RegExp): Promise<RegExpExecArray> {
  const child = spawn(bin(program), args, {
    cwd: project,
    env: { ...process.env, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  let output = "";
  return new Promise((resolve, reject) => {
    child.stdout.on("data", (text: Buffer) => {
      output += text;
      const match = until.exec(output);
      if (match) resolve(match);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}: ${output}`)));
  });
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
    await expect.poll(extended, { timeout: 90_000, message: "an extend" }).toBe(true);
    expect(errors).toEqual([]);
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

  it("boots a PC that measures its firmware: built, device in a worker, bridge as a command", async () => {
    await run(bin("vite"), ["build", "--logLevel=warn"], project);
    const isolation = `{ "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }`;
    const config = `export default { preview: { host: "127.0.0.1", headers: ${isolation} } };`;
    await writeFile(join(project, "preview.config.js"), config);
    const [, url = ""] = await start(
      "vite",
      ["preview", "--config", "preview.config.js", "--port", "0"],
      /(http:\/\/127\.0\.0\.1:\d+)\//,
    );
    await start("webtpm-bridge", ["--port", BRIDGE_PORT, "--allow-origin", url], /http:\S+\/tpm\n/);
    const { said, workers } = await measures(url);
    expect(said.find((line) => line.startsWith("TPM2_"))).toBe("TPM2_Startup TPM_RC_SUCCESS");
    expect(workers.some((worker) => worker.includes("tpm.worker"))).toBe(true);
  });

  it("boots it from Vite's development server, with the bridge inside", async () => {
    const example = await readmeExample();
    const own = example.replace("http://127.0.0.1:8766/tpm", "/tpm");
    expect(own).not.toBe(example);
    await writeFile(join(project, "main.ts"), own);
    const config = `import { bridgePlugin } from "webtpm/vite";
      export default {
        plugins: [bridgePlugin()],
        optimizeDeps: { exclude: ["webtpm"] },
        server: {
          host: "127.0.0.1",
          headers: { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
        },
      };`;
    await writeFile(join(project, "vite.config.js"), config);
    const [, url = ""] = await start("vite", ["--port", "0"], /(http:\/\/127\.0\.0\.1:\d+)\//);
    const { workers } = await measures(url);
    expect(workers.some((worker) => worker.includes("tpm.worker"))).toBe(true);
  });
});
