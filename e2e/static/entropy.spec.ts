/**
 * No two pages share a secret, although all begin with the same saved machine: fresh browser contexts, each with a
 * TPM of its own. And the same without reseeding, which shows that this can be told.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, expect, test } from "@playwright/test";
import { build } from "vite";
import { fromHex, toHex } from "../../src/protocol/bytes/hex.ts";
import { buildDirectory } from "./build.ts";
import type { Drawn } from "./entropy/page.ts";
import { type Secrets, secretsOf } from "./entropy/secrets.ts";
import { FileServer } from "./file-server.ts";
import { statusOf, untilStarted } from "./page-static.ts";

const PAGES = 20;

test.describe.configure({ mode: "parallel" });

test.describe("the page", () => {
  let server: FileServer;
  test.beforeAll(async () => {
    // With headers, so that there is no reload to wait for.
    const headers = {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    };
    server = new FileServer(buildDirectory(), { headers });
    await server.start();
  });
  test.afterAll(() => server.stop());

  /** What a TPM in a fresh browser context has to itself. */
  async function secretsOfPage(browser: Browser): Promise<Secrets> {
    const context = await browser.newContext({ serviceWorkers: "block" });
    try {
      const page = await context.newPage();
      await page.goto(`${server.url}?backend=hidden&pane=registers`);
      await untilStarted(page);
      await page.getByRole("button", { name: "Play the driver, with no machine" }).click();
      await expect(statusOf(page, "TPM")).toContainText("TPM 2.0 ready", { timeout: 60_000 });
      await expect(statusOf(page, "Backend")).toContainText("hidden machine");
      return await secretsOf(async (command) =>
        fromHex(await page.evaluate((hex) => window.webtpm.command(hex), toHex(command))),
      );
    } finally {
      await context.close();
    }
  }

  test(`${PAGES} fresh pages have ${PAGES} endorsement keys, children of every seed, and random numbers`, async ({
    browser,
  }) => {
    test.setTimeout(20 * 60_000);
    const all: Secrets[] = [];
    for (let page = 0; page < PAGES; page++) all.push(await secretsOfPage(browser));
    for (const secret of ["endorsement", "owner", "platform", "random"] as const)
      expect(new Set(all.map((each) => each[secret])).size, secret).toBe(PAGES);
  });
});

test.describe("the hidden machine alone", () => {
  let directory: string;
  let images: FileServer;
  let server: FileServer;
  test.beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "webtpm-entropy-"));
    const root = join(import.meta.dirname, "entropy");
    await build({
      configFile: false,
      root,
      base: "./",
      logLevel: "error",
      build: { outDir: directory, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 1000 },
    });
    // The saved machine of the build that is tested.
    images = new FileServer(buildDirectory(), { headers: { "Access-Control-Allow-Origin": "*" } });
    server = new FileServer(directory);
    await images.start();
    await server.start();
  });
  test.afterAll(async () => {
    await server.stop();
    await images.stop();
    await rm(directory, { recursive: true });
  });

  async function drawAll(browser: Browser, reseed: boolean): Promise<Drawn[]> {
    const all: Drawn[] = [];
    for (let index = 0; index < PAGES; index++) {
      const context = await browser.newContext();
      try {
        const page = await context.newPage();
        await page.goto(server.url);
        await page.waitForFunction(() => "draw" in window);
        const manifest = `${images.url}images/manifest.json`;
        all.push(await page.evaluate(([url, on]) => window.draw(url, on), [manifest, reseed] as const));
      } finally {
        await context.close();
      }
    }
    return all;
  }

  test(`reseeded, ${PAGES} kernels and TPMs have nothing in common`, async ({ browser }) => {
    test.setTimeout(20 * 60_000);
    const all = await drawAll(browser, true);
    for (const secret of ["generator", "endorsement", "owner", "platform", "random"] as const)
      expect(new Set(all.map((each) => each[secret])).size, secret).toBe(PAGES);
  });

  test(`not reseeded, ${PAGES} kernels draw the very same numbers for their TPMs`, async ({ browser }) => {
    test.setTimeout(20 * 60_000);
    const all = await drawAll(browser, false);
    expect(all[0]?.generator).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(all.map(({ generator }) => generator)).size).toBe(1);
  });
});
