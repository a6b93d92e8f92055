/** A server with the test page and the images, and no bridge; and a browser that shows it. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "@playwright/test";
import { createServer } from "vite";
import { imagesPlugin } from "../../src/node/images/vite-plugin.ts";
import { CHROMIUM, FLAGS } from "../chromium.ts";
import type {} from "./page.ts";

const ROOT = join(import.meta.dirname, "../..");
const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export interface Served {
  browser: Browser;
  /** Opens the test page, and attaches a TPM in a hidden machine to a bus: `window.tpm`, `window.bus`. */
  open(): Promise<{ page: Page; readyMs: number }>;
  close(): Promise<void>;
}

export async function serve(): Promise<Served> {
  const cacheDir = mkdtempSync(join(tmpdir(), "webtpm-vite-"));
  const server = await createServer({
    configFile: false,
    root: ROOT,
    cacheDir,
    logLevel: "warn",
    plugins: [imagesPlugin()],
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
    server: { host: "127.0.0.1", port: 0, hmr: false, watch: null, headers: ISOLATION },
  });
  await server.listen();
  const { port } = server.httpServer!.address() as AddressInfo;
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  return {
    browser,
    async open() {
      const page = await browser.newPage();
      await page.goto(`http://127.0.0.1:${port}/e2e/hidden/page.html`);
      await page.waitForFunction(() => window.hidden !== undefined);
      const readyMs = await page.evaluate(async () => {
        const attached = await window.hidden.attach();
        window.tpm = attached.tpm;
        window.bus = attached.bus;
        return attached.readyMs;
      });
      return { page, readyMs };
    },
    async close() {
      await browser.close();
      await server.close();
      rmSync(cacheDir, { recursive: true, force: true });
    },
  };
}
