/** The steps of `npm test`: programs of node_modules that are started one after the other. */
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestOptions, TestPart } from "./test-options.ts";
import { type Count, readPlaywright, readVitest } from "./test-reports.ts";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
/** Logs of continuous integration are often cut: there, what passes takes a dot, and what fails is told in full. */
export const BRIEF = Boolean(process.env.CI);

export interface Step {
  part: TestPart;
  name: string;
  /** A program in node_modules/.bin, with its arguments. */
  command: string[];
  env?: Record<string, string>;
  /** Its one process waits for much of its time, so that another such step can run beside it. */
  shares?: boolean;
  /** Reads the report that the program left; a step without one is a single check. */
  count?: () => Count;
}

/** Each is compiled with what it has, and nothing of the others. */
const PLATFORMS = ["core", "browser", "worker", "node"] as const;

/** Its tests have a build of the page before them, which takes a while. */
const STATIC = "e2e/static/";

/** Of folders that compare nothing with another program. */
const HEADINGS = new Map([["firefox", "The page in Firefox"]]);

type Made = Omit<Step, "part" | "name">;

/** @param scratch a folder for the reports. */
export async function testSteps({ parts, files }: TestOptions, scratch: string): Promise<Step[]> {
  const report = (name: string) => join(scratch, `${name}.json`);
  /** Built by the first step that needs it. */
  const env = { WEBTPM_STATIC_AT: join(scratch, "static") };
  const project = (name: TestPart) =>
    vitest(report(name), "vite.config.ts", ["--project", name, ...files], files.length > 0);
  const all: Step[] = [
    { part: "check", name: "Format and lint", command: ["biome", "check", "."] },
    { part: "check", name: "Types", command: ["tsc", "-p", "tsconfig.json"] },
    ...PLATFORMS.map(
      (platform): Step => ({
        part: "check",
        name: `Types: ${platform}`,
        command: ["tsc", "-p", `src/tsconfig.${platform}.json`],
      }),
    ),
    { part: "check", name: "Unused code", command: ["knip", "--no-progress"] },
    { part: "unit", name: "Unit tests", ...project("unit") },
    { part: "long", name: "Long unit tests", ...project("long") },
    { part: "native", name: "Tests with swtpm and other programs", ...project("native") },
    { part: "machine", name: "Tests that boot machines", ...project("machine") },
    ...comparisons(files).map(
      ({ folder, config, tests }): Step => ({
        part: "e2e",
        name: HEADINGS.get(folder) ?? `Comparison: ${folder}`,
        shares: true,
        ...vitest(report(folder), config, tests, false),
        env,
      }),
    ),
  ];
  const specs = testFiles("e2e", ".spec.ts", files);
  const pages = specs.filter((file) => !file.startsWith(STATIC));
  const built = specs.filter((file) => file.startsWith(STATIC));
  if (pages.length > 0) {
    const [page, sources] = await freePorts(2);
    all.push({
      part: "e2e",
      name: "The page in Chromium",
      ...playwright(report("pages"), "e2e/playwright.config.ts", pages, {
        WEBTPM_PORT: String(page),
        WEBTPM_SOURCES_PORT: String(sources),
      }),
    });
  }
  if (built.length > 0) {
    all.push({
      part: "e2e",
      name: "The static page",
      ...playwright(report("static"), `${STATIC}playwright.config.ts`, built, env),
    });
  }
  return all.filter(({ part }) => parts.includes(part));
}

function vitest(report: string, config: string, args: readonly string[], some: boolean): Made {
  const shown = BRIEF ? ["--reporter=dot", "--silent=passed-only"] : ["--reporter=default"];
  const options = [...shown, "--reporter=json", `--outputFile.json=${report}`];
  const command = ["vitest", "run", "--config", config, ...options, ...args];
  if (some) command.push("--passWithNoTests");
  return { command, count: () => readVitest(report, ROOT) };
}

function playwright(
  report: string,
  config: string,
  files: readonly string[],
  env: Record<string, string> = {},
): Made {
  const reporters = `--reporter=${BRIEF ? "dot" : "list"},json`;
  const command = ["playwright", "test", "--config", config, reporters, ...files];
  return {
    command,
    // Not by NO_COLOR: Playwright sets this one as well, and Node warns of both.
    env: { ...env, ...(BRIEF && { FORCE_COLOR: "0" }), PLAYWRIGHT_JSON_OUTPUT_NAME: report },
    count: () => readPlaywright(report),
  };
}

interface Comparison {
  folder: string;
  config: string;
  /** Whole paths: Vitest looks for a part of a path below its own folder. */
  tests: string[];
}

/** What takes longest begins first, so that nothing is left to run alone. */
const LONGEST = ["conformance", "hidden", "link", "decoder", "package", "firefox"];
const effort = (folder: string) => LONGEST.indexOf(folder);

/** Folders of `e2e/` with a Vitest configuration of their own and tests to run: most compare with other programs. */
function comparisons(files: readonly string[]): Comparison[] {
  const folders = readdirSync(join(ROOT, "e2e")).sort((a, b) => effort(b) - effort(a) || (a < b ? -1 : 1));
  return folders
    .map((folder) => ({ folder, config: join("e2e", folder, "vitest.config.ts") }))
    .filter(({ config }) => existsSync(join(ROOT, config)))
    .map((one) => ({
      ...one,
      tests: testFiles(`e2e/${one.folder}`, ".test.ts", files).map((file) => join(ROOT, file)),
    }))
    .filter(({ tests }) => tests.length > 0);
}

/** Paths of the test files below `folder`, of those that are wanted: all, or whose path contains one of `files`. */
function testFiles(folder: string, ending: string, files: readonly string[]): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name}`)
    .filter((path) => files.length === 0 || files.some((part) => path.includes(part)));
}

/** Ports that nothing listens on, each another. */
async function freePorts(number: number): Promise<number[]> {
  const servers = Array.from({ length: number }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) await new Promise((resolve) => server.close(resolve));
  return ports;
}
