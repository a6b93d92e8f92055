/** Reads the JSON reports that Vitest and Playwright leave: how many tests passed, and which did not, and why. */
import { readFileSync } from "node:fs";
import { basename, relative } from "node:path";

export interface Count {
  passed: number;
  failed: number;
  /** Each failed test: file, name, and the first lines of what went wrong. */
  failures: string[];
  /** How long the tests of each file took, in milliseconds. */
  times: Record<string, number>;
}

/** @returns the files that took longest, the slowest first, each in a line. */
export function slowest(counts: readonly Count[], number: number): string[] {
  const times = counts.flatMap((count) => Object.entries(count.times));
  return times
    .sort(([, one], [, other]) => other - one)
    .slice(0, number)
    .map(([file, ms]) => `${(ms / 1000).toFixed(0).padStart(6)} s  ${file}`);
}

interface VitestReport {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    startTime: number;
    endTime: number;
    assertionResults: { fullName: string; status: string; failureMessages?: string[] }[];
  }[];
}

interface PlaywrightError {
  message?: string;
  location?: { file: string; line: number };
}

interface PlaywrightSuite {
  title: string;
  suites?: PlaywrightSuite[];
  specs?: {
    title: string;
    file: string;
    tests: { status: string; results: { duration: number; error?: PlaywrightError }[] }[];
  }[];
}

interface PlaywrightReport {
  stats: { expected: number; unexpected: number; flaky: number };
  suites: PlaywrightSuite[];
  errors: { message?: string }[];
}

/** Vitest's report; a file that could not be run is a failure, too. @param root what file names are relative to */
export function readVitest(path: string, root: string): Count {
  const report = read<VitestReport>(path);
  const failures: string[] = [];
  for (const { name, status, message, assertionResults } of report.testResults) {
    const file = relative(root, name);
    const failed = assertionResults.filter((test) => test.status === "failed");
    for (const { fullName, failureMessages } of failed)
      failures.push(told(file, fullName, failureMessages?.[0]));
    if (status === "failed" && failed.length === 0) failures.push(told(file, "cannot be run", message));
  }
  return {
    passed: report.numPassedTests,
    failed: Math.max(report.numFailedTests, failures.length),
    failures,
    times: Object.fromEntries(
      report.testResults.map(({ name, startTime, endTime }) => [relative(root, name), endTime - startTime]),
    ),
  };
}

/** Playwright's report. A test that only passes when repeated has not passed. */
export function readPlaywright(path: string): Count {
  const { stats, suites, errors } = read<PlaywrightReport>(path);
  const failures = suites.flatMap((suite) => failedSpecs(suite, []));
  for (const { message } of errors) failures.push(told("the run", "an error outside of any test", message));
  const times: Record<string, number> = {};
  for (const suite of suites) addTimes(suite, times);
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky, failures, times };
}

function addTimes({ suites = [], specs = [] }: PlaywrightSuite, times: Record<string, number>): void {
  for (const { file, tests } of specs) {
    const results = tests.flatMap((test) => test.results);
    times[file] = results.reduce((sum, { duration }) => sum + duration, times[file] ?? 0);
  }
  for (const suite of suites) addTimes(suite, times);
}

function failedSpecs({ suites = [], specs = [] }: PlaywrightSuite, above: readonly string[]): string[] {
  const failed = specs.flatMap(({ file, title, tests }) =>
    tests
      .filter(({ status }) => status === "unexpected" || status === "flaky")
      .map(({ results }) => {
        const error = results.find((result) => result.error)?.error;
        const at = error?.location && `\n(line ${error.location.line} of ${basename(error.location.file)})`;
        return told(file, [...above, title].join(" > "), error?.message, at);
      }),
  );
  // The outermost suite is the file, which each spec names.
  return [...failed, ...suites.flatMap((suite) => failedSpecs(suite, [...above, suite.title]))];
}

function read<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with one
const COLOURS = /\u001b\[[0-9;]*m/g;

/** Enough for the console of a guest that did not answer. */
const LINES = 40;

/** What went wrong, its further lines indented; a stack is no part of it. @param at what is said after it */
function told(file: string, name: string, message = "no reason given", at = ""): string {
  const lines = message.replace(COLOURS, "").trim().split("\n");
  const stack = lines.findIndex((line) => /^\s+at /.test(line));
  const kept = lines.slice(0, stack > 0 ? Math.min(stack, LINES) : LINES);
  return `${file}: ${name}: ${kept.join("\n")}${at}`.replaceAll("\n", "\n            ");
}
