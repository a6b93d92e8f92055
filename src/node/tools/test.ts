/**
 * `npm test`: everything that can be checked, in order: formatting and lint, types, unused code, unit and integration
 * tests, the comparison with QEMU, and the page in Chromium. `npm run unit` and its like are parts of it. At the end
 * stands again what failed, and one plain line counts it all.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endOnSignal } from "./signals.ts";
import { parseTestOptions, type TestOptions, type TestPart, USAGE } from "./test-options.ts";
import { type Count, slowest } from "./test-reports.ts";
import { BRIEF, ROOT, type Step, testSteps } from "./test-steps.ts";
import { UsageError } from "./usage-error.ts";

/** So many of the slowest files are told at the end. */
const SLOWEST = 12;

/** These boot what is in the cache. */
const BOOTING: readonly TestPart[] = ["machine", "e2e"];

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
  let count: Count = { passed: succeeded ? 1 : 0, failed: 0, failures: [], times: {} };
  try {
    if (step.count) count = step.count();
  } catch (error) {
    count = {
      passed: 0,
      failed: 0,
      times: {},
      failures: [`its report cannot be read (${(error as Error).message})`],
    };
    succeeded = false;
  }
  if (!succeeded && count.failed === 0) count.failed = 1;
  return count;
}

/**
 * Makes what is missing of firmware, kernels, guest and saved machines.
 * @returns what resolves once the UEFI firmware is there too, which is built while tests run that boot nothing.
 */
async function prepareImages(signal: AbortSignal): Promise<{ firmware: Promise<void> }> {
  const { Cache } = await import("../images/cache.ts");
  const { ImageSet } = await import("../images/image-set.ts");
  const { printProgress } = await import("../images/progress.ts");
  const set = new ImageSet(new Cache(), printProgress());
  await set.prepare();
  await set.prepareSmallKernel({ signal });
  await set.prepareHidden();
  await set.preparePrepared();
  await set.prepareBootDisks();
  const firmware = set.prepareUefiFirmware({ signal });
  // The tests that need it fail without it, and say so; the others go on.
  return { firmware: firmware.catch((error: Error) => console.error(error.message)) };
}

async function run(options: TestOptions): Promise<void> {
  const signal = endOnSignal();
  const boots = options.parts.some((part) => BOOTING.includes(part));
  const images = boots ? await prepareImages(signal) : undefined;
  const scratch = mkdtempSync(join(tmpdir(), "webtpm-test-"));
  const lines: string[] = [];
  const counts: Count[] = [];
  const total = { passed: 0, failed: 0 };
  try {
    for (const step of await testSteps(options, scratch)) {
      if (BOOTING.includes(step.part)) await images?.firmware;
      if (signal.aborted) break;
      console.log(`\n=== ${step.name} ===`);
      const begin = Date.now();
      const count = tally(step, await execute(step, signal));
      counts.push(count);
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
  console.log(`\nThe files that took longest:\n${slowest(counts, SLOWEST).join("\n")}`);
  console.log(`\n${lines.join("\n")}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  if (total.passed + total.failed === 0)
    console.error(`no test's path contains ${options.files.join(" or ")}`);
  if (total.failed > 0 || total.passed === 0 || signal.aborted) process.exitCode ||= 1;
}

async function main(args: string[]): Promise<void> {
  try {
    const options = parseTestOptions(args);
    if (options) await run(options);
    else console.log(USAGE);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  }
}

await main(process.argv.slice(2));
