import { defineConfig } from "vitest/config";
import { bridgePlugin } from "./src/bridge/vite-plugin.ts";
import { imagesPlugin } from "./src/images/vite-plugin.ts";

/** Shared memory between page and worker needs a cross-origin isolated page. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  // Addresses relative to the page, so that a build works in any folder of any host.
  base: "./",
  plugins: [imagesPlugin(), bridgePlugin()],
  // All dependencies by name: one that only a worker imports would be found late, and the page loaded anew.
  optimizeDeps: {
    include: [
      "@noble/hashes/legacy.js",
      "@noble/hashes/scrypt.js",
      "@noble/hashes/sha2.js",
      "@noble/hashes/sha3.js",
      "@xterm/addon-fit",
      "@xterm/xterm",
      "comlink",
      "fflate",
      "idb-keyval",
      "lit",
      "lit/directives/repeat.js",
      "v86",
      "valibot",
    ],
  },
  server: { host: "127.0.0.1", headers: isolation },
  preview: { host: "127.0.0.1", headers: isolation },
  worker: { format: "es" },
  // v86 alone is 400 kB; its licence and those of the others go along.
  build: { target: "es2022", chunkSizeWarningLimit: 1000, license: { fileName: "licences.md" } },
  test: {
    include: ["src/**/*.test.ts"],
    // Real swtpm processes and machines run in some of these; two cores bear no more.
    maxWorkers: 2,
    // Limits that find what hangs, not what is slow beside something else.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
