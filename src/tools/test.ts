/**
 * `npm test`: everything that can be checked, in order: formatting and lint, types, unused code, unit and integration
 * tests, the comparison with QEMU, and the page in Chromium. At the end stands
 * again what failed, and one plain line counts it all.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { endOnSignal } from "./signals.ts";
import { type Count, readPlaywright, readVitest } from "./test-reports.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Logs of continuous integration are often cut: there, what passes takes a dot, and what fails is told in full. */
const BRIEF = Boolean(process.env.CI);

interface Step {
  name: string;
  /** A program in node_modules/.bin, with its arguments. */
  command: string[];
  env?: Record<string, string>;
  /** Reads the report that the program left; a step without one is a single check. */
  count?: () => Count;
}

function vitest(name: string, report: string, config: string): Step {
  const shown = BRIEF ? ["--reporter=dot", "--silent=passed-only"] : ["--reporter=default"];
  const options = [...shown, "--reporter=json", `--outputFile.json=${report}`];
  return {
    name,
    command: ["vitest", "run", "--config", config, ...options],
    count: () => readVitest(report, ROOT),
  };
}

function playwright(name: string, config: string, report: string, env: Record<string, string> = {}): Step {
  return {
    name,
    command: ["playwright", "test", "--config", config, `--reporter=${BRIEF ? "dot" : "list"},json`],
    env: { ...env, PLAYWRIGHT_JSON_OUTPUT_NAME: report },
    count: () => readPlaywright(report),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Folders of `e2e/` with a Vitest configuration of their own: comparisons with other programs. */
function comparisons(scratch: string): Step[] {
  const folders = readdirSync(join(ROOT, "e2e")).sort();
  return folders
    .map((folder) => ({ folder, config: join("e2e", folder, "vitest.config.ts") }))
    .filter(({ config }) => existsSync(join(ROOT, config)))
    .map(({ folder, config }) => vitest(`Comparison: ${folder}`, join(scratch, `${folder}.json`), config));
}

async function steps(scratch: string): Promise<Step[]> {
  return [
    { name: "Format and lint", command: ["biome", "check", "."] },
    { name: "Types", command: ["tsc", "-p", "tsconfig.json"] },
    { name: "Types of the pure core", command: ["tsc", "-p", "src/tsconfig.core.json"] },
    { name: "Unused code", command: ["knip", "--no-progress"] },
    vitest("Unit and integration tests", join(scratch, "unit.json"), "vite.config.ts"),
    ...comparisons(scratch),
    playwright("The page in Chromium", "e2e/playwright.config.ts", join(scratch, "pages.json"), {
      WEBTPM_PORT: String(await freePort()),
    }),
    playwright("The static page", "e2e/static/playwright.config.ts", join(scratch, "static.json")),
  ];
}

function execute(step: Step, signal: AbortSignal): Promise<boolean> {
  const [program, ...args] = step.command as [string, ...string[]];
  return new Promise((resolve, reject) => {
    const child = spawn(join(ROOT, "node_modules/.bin", program), args, {
      cwd: ROOT,
      env: { ...process.env, ...(BRIEF && { NO_COLOR: "1" }), ...step.env },
      stdio: ["ignore", "inherit", "inherit"],
    });
    const stop = () => child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", reject);
    child.on("exit", (code) => {
      signal.removeEventListener("abort", stop);
      resolve(code === 0);
    });
  });
}

/** Counts a step. A program that fails without a failed test of its own counts as one failure. */
function tally(step: Step, succeeded: boolean): Count {
  let count: Count = { passed: succeeded ? 1 : 0, failed: 0, failures: [] };
  try {
    if (step.count) count = step.count();
  } catch (error) {
    count = { passed: 0, failed: 0, failures: [`its report cannot be read (${(error as Error).message})`] };
    succeeded = false;
  }
  if (!succeeded && count.failed === 0) count.failed = 1;
  return count;
}

async function main(): Promise<void> {
  const signal = endOnSignal();
  const set = new ImageSet(new Cache(), printProgress());
  await set.prepare();
  await set.prepareSmallKernel({ signal });
  await set.prepareHidden();
  await set.preparePrepared();
  const scratch = mkdtempSync(join(tmpdir(), "webtpm-test-"));
  const lines: string[] = [];
  const total = { passed: 0, failed: 0 };
  try {
    for (const step of await steps(scratch)) {
      if (signal.aborted) break;
      console.log(`\n=== ${step.name} ===`);
      const begin = Date.now();
      const count = tally(step, await execute(step, signal));
      total.passed += count.passed;
      total.failed += count.failed;
      const seconds = ((Date.now() - begin) / 1000).toFixed(0);
      lines.push(
        `${count.failed ? "FAILED" : "ok    "}  ${step.name}: ${count.passed} passed, ${count.failed} failed (${seconds} s)`,
        ...count.failures.map((failure) => `        ${failure}`),
      );
    }
  } finally {
    if (existsSync(scratch)) rmSync(scratch, { recursive: true });
  }
  console.log(`\n${lines.join("\n")}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0 || signal.aborted) process.exitCode ||= 1;
}

await main();
