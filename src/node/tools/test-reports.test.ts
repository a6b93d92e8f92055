import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readPlaywright, readVitest, slowest } from "./test-reports.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "webtpm-reports-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function report(content: unknown): string {
  const path = join(folder, "report.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test("names the failed tests of a Vitest report, and files that could not be run", () => {
  const path = report({
    numPassedTests: 3,
    numFailedTests: 1,
    testResults: [
      {
        name: "/project/src/a.test.ts",
        status: "failed",
        message: "",
        startTime: 1000,
        endTime: 1250.5,
        assertionResults: [
          { fullName: "adds", status: "passed" },
          {
            fullName: "takes away",
            status: "failed",
            failureMessages: ["\u001b[31mexpected 1 to be 2\u001b[39m\n    at a"],
          },
        ],
      },
      {
        name: "/project/src/b.test.ts",
        status: "failed",
        message: "no such module\nof this name\n    at somewhere (a.js:1:2)",
        startTime: 1000,
        endTime: 1000,
        assertionResults: [],
      },
    ],
  });
  expect(readVitest(path, "/project")).toEqual({
    passed: 3,
    failed: 2,
    failures: [
      "src/a.test.ts: takes away: expected 1 to be 2",
      "src/b.test.ts: cannot be run: no such module\n            of this name",
    ],
    times: { "src/a.test.ts": 250.5, "src/b.test.ts": 0 },
  });
});

test("names the failed and the flaky tests of a Playwright report with the groups they are in", () => {
  const location = { file: "/project/e2e/page.spec.ts", line: 12 };
  const test = (status: string, message?: string) => ({
    status,
    results: [{ duration: 20, ...(message !== undefined && { error: { message, location } }) }],
  });
  const path = report({
    stats: { expected: 5, unexpected: 1, flaky: 1 },
    errors: [],
    suites: [
      {
        title: "page.spec.ts",
        specs: [{ title: "boots", file: "page.spec.ts", tests: [test("expected")] }],
        suites: [
          {
            title: "TPM 1.2",
            specs: [
              { title: "boots", file: "page.spec.ts", tests: [test("unexpected", "no shell\nmore")] },
              { title: "resets", file: "page.spec.ts", tests: [test("flaky")] },
            ],
          },
        ],
      },
    ],
  });
  expect(readPlaywright(path)).toEqual({
    passed: 5,
    failed: 2,
    failures: [
      "page.spec.ts: TPM 1.2 > boots: no shell\n            more\n            (line 12 of page.spec.ts)",
      "page.spec.ts: TPM 1.2 > resets: no reason given",
    ],
    times: { "page.spec.ts": 60 },
  });
});

test("tells the files that took longest, the slowest first", () => {
  const count = (times: Record<string, number>) => ({ passed: 1, failed: 0, failures: [], times });
  const counts = [count({ "src/a.test.ts": 1_600, "src/b.test.ts": 400 }), count({ "page.spec.ts": 91_000 })];
  expect(slowest(counts, 2)).toEqual(["    91 s  page.spec.ts", "     2 s  src/a.test.ts"]);
});
