import { defineConfig } from "@playwright/test";
import { CHROMIUM, FLAGS } from "./chromium.ts";
import { PAGE_URL, SOURCES_URL } from "./servers.ts";

/** `npm start` at an address of `servers.ts`. */
const start = (url: string, ...options: string[]) => ({
  command: `node src/node/tools/run.mjs start --port ${new URL(url).port} --no-open --no-kernel ${options.join(" ")}`,
  cwd: "..",
  url,
  timeout: 300_000,
  stdout: process.env.CI ? ("ignore" as const) : ("pipe" as const),
  gracefulShutdown: { signal: "SIGTERM" as const, timeout: 10_000 },
});

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  // Has a configuration of its own.
  testIgnore: "static/**",
  // Each test runs one or two PCs, and waits for most of its time: for the guest's timers, downloads, answers.
  workers: 2,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  outputDir: "../test-results",
  use: {
    baseURL: PAGE_URL,
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: CHROMIUM,
      args: FLAGS,
    },
  },
  webServer: [start(PAGE_URL), start(SOURCES_URL, "--watch")],
});
