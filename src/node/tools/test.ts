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

/** @param write for a step that runs beside another: gets what it prints, and the other's lines do not come between. */
function execute(step: Step, signal: AbortSignal, write?: (text: Buffer) => void): Promise<boolean> {
  const [program, ...args] = step.command as [string, ...string[]];
  const output = write ? "pipe" : "inherit";
  return new Promise((resolve, reject) => {
    const child = spawn(join(ROOT, "node_modules/.bin", program), args, {
      cwd: ROOT,
      env: { ...process.env, ...(BRIEF && !step.env?.FORCE_COLOR && { NO_COLOR: "1" }), ...step.env },
      stdio: ["ignore", output, output],
    });
    if (write) for (const stream of [child.stdout, child.stderr]) stream?.on("data", write);
    const stop = () => child.kill("SIGTERM");
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", reject);
    child.on("close", (code) => {
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

/** Makes what is missing of firmware, kernels, guest and saved machines, beside the tests that boot nothing. */
async function prepareImages(signal: AbortSignal): Promise<void> {
  const { Cache } = await import("../images/cache.ts");
  const { ImageSet } = await import("../images/image-set.ts");
  const { printProgress } = await import("../images/progress.ts");
  const set = new ImageSet(new Cache(), printProgress());
  await set.prepare();
  await set.prepareSmallKernel({ signal });
  // The tests that need it fail without it, and say so; the others go on.
  const firmware = set.prepareUefiFirmware({ signal }).catch((error: Error) => console.error(error.message));
  await set.prepareHidden();
  await set.preparePrepared();
  await set.prepareBootDisks();
  await firmware;
}

/** What came of the steps so far. */
class Outcome {
  readonly counts: Count[] = [];
  readonly lines: string[] = [];
  passed = 0;
  failed = 0;

  add(name: string, count: Count, seconds: number): void {
    this.counts.push(count);
    this.passed += count.passed;
    this.failed += count.failed;
    const numbers = `${count.passed} passed, ${count.failed} failed (${seconds.toFixed(0)} s)`;
    this.lines.push(
      `${count.failed ? "FAILED" : "ok    "}  ${name}: ${numbers}`,
      ...count.failures.map((failure) => `        ${failure}`),
    );
  }
}

/** Runs a step and counts it. @param shared it runs beside another: what it prints comes in one piece, at its end. */
async function runStep(step: Step, outcome: Outcome, signal: AbortSignal, shared: boolean): Promise<void> {
  const heading = `\n=== ${step.name} ===`;
  const printed: Buffer[] = [];
  if (!shared) console.log(heading);
  const begin = Date.now();
  const succeeded = await execute(step, signal, shared ? (text) => printed.push(text) : undefined);
  if (shared) {
    console.log(heading);
    process.stdout.write(Buffer.concat(printed));
  }
  outcome.add(step.name, tally(step, succeeded), (Date.now() - begin) / 1000);
}

/** Runs these, two at a time. */
async function runTwo(steps: Step[], outcome: Outcome, signal: AbortSignal): Promise<void> {
  const waiting = [...steps];
  const lane = async () => {
    for (let step = waiting.shift(); step && !signal.aborted; step = waiting.shift())
      await runStep(step, outcome, signal, steps.length > 1);
  };
  await Promise.all([lane(), lane()]);
}

/** One after the other, but for runs of steps that share. */
function grouped(steps: Step[]): Step[][] {
  const groups: Step[][] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (step.shares && last?.[0]?.shares) last.push(step);
    else groups.push([step]);
  }
  return groups;
}

async function run(options: TestOptions): Promise<void> {
  const signal = endOnSignal();
  const outcome = new Outcome();
  const boots = options.parts.some((part) => BOOTING.includes(part));
  const images = boots ? prepareImages(signal).then(() => undefined, String) : undefined;
  const scratch = mkdtempSync(join(tmpdir(), "webtpm-test-"));
  try {
    for (const group of grouped(await testSteps(options, scratch))) {
      const trouble = group.some(({ part }) => BOOTING.includes(part)) ? await images : undefined;
      if (signal.aborted) break;
      if (trouble) {
        outcome.add("Images", { passed: 0, failed: 1, failures: [trouble], times: {} }, 0);
        break;
      }
      await runTwo(group, outcome, signal);
    }
  } finally {
    if (existsSync(scratch)) rmSync(scratch, { recursive: true });
  }
  const { counts, lines, passed, failed } = outcome;
  console.log(`\nThe files that took longest:\n${slowest(counts, SLOWEST).join("\n")}`);
  console.log(`\n${lines.join("\n")}\n`);
  console.log(`${passed} passed, ${failed} failed`);
  if (passed + failed === 0) console.error(`no test's path contains ${options.files.join(" or ")}`);
  if (failed > 0 || passed === 0 || signal.aborted) process.exitCode ||= 1;
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
