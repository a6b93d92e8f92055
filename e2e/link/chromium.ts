/** A server with the test page and a bridge, and a browser that shows it. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "@playwright/test";
import { createServer, type ViteDevServer } from "vite";
import { bridgePlugin } from "../../src/node/bridge/vite-plugin.ts";
import { CHROMIUM, FLAGS } from "../chromium.ts";

const ROOT = join(import.meta.dirname, "../..");
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export interface Served {
  url: string;
  browser: Browser;
  /** Opens the test page. What it throws and nobody catches makes `errors` longer. */
  open(): Promise<{ page: Page; errors: Error[] }>;
  /** What the bridge has said. */
  log: string[];
  close(): Promise<void>;
}

/** @param isolated whether the server sends COOP and COEP. */
export async function serve({ isolated = true } = {}): Promise<Served> {
  const cacheDir = mkdtempSync(join(tmpdir(), "webtpm-vite-"));
  const log: string[] = [];
  const server: ViteDevServer = await createServer({
    configFile: false,
    root: ROOT,
    cacheDir,
    logLevel: "warn",
    plugins: [bridgePlugin({ log: (line) => log.push(line) })],
    optimizeDeps: {
      entries: [],
      include: [
        "comlink",
        "v86",
        "@noble/hashes/legacy.js",
        "@noble/hashes/sha2.js",
        "@noble/hashes/sha3.js",
      ],
    },
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null, headers: isolated ? ISOLATION : {} },
  });
  await server.listen();
  const { port } = server.httpServer!.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  return {
    url,
    browser,
    log,
    async open() {
      const page = await browser.newPage();
      const errors: Error[] = [];
      page.on("pageerror", (error) => errors.push(error));
      await page.goto(`${url}/e2e/link/page.html`);
      await page.waitForFunction(() => window.link !== undefined);
      return { page, errors };
    },
    async close() {
      await browser.close();
      await server.close();
      rmSync(cacheDir, { recursive: true, force: true });
    },
  };
}
