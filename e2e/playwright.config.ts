import { defineConfig } from "@playwright/test";

/** `npm test` gives a free port; a run by hand takes this one. */
const port = Number(process.env.WEBTPM_PORT ?? 5199);

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.ts",
  // Has a configuration of its own.
  testIgnore: "static/**",
  // Each test runs one or two PCs; two cores bear no more.
  workers: 1,
  forbidOnly: true,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  outputDir: "../test-results",
  use: {
    baseURL: `http://127.0.0.1:${port}`,
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      executablePath: "/usr/bin/chromium",
      args: [
        ..."--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync".split(" "),
        ..."--disable-background-networking --disable-component-update".split(" "),
      ],
    },
  },
  webServer: {
    command: `node src/tools/run.mjs start --port ${port} --no-open --no-kernel`,
    cwd: "..",
    url: `http://127.0.0.1:${port}`,
    timeout: 300_000,
    stdout: process.env.CI ? "ignore" : "pipe",
    gracefulShutdown: { signal: "SIGTERM", timeout: 10_000 },
  },
});
