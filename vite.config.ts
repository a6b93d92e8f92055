import { defineConfig } from "vitest/config";
import { guardPlugin } from "./src/node/bridge/vite-guard.ts";
import { bridgePlugin } from "./src/node/bridge/vite-plugin.ts";
import { imagesPlugin } from "./src/node/images/vite-plugin.ts";
import { pageHeaders } from "./src/node/tools/page-headers.ts";
import { pageHeadersPlugin } from "./src/node/tools/page-headers-plugin.ts";

/** Programs of this host: swtpm, iasl, binutils, cpio ... */
const NATIVE = "src/**/*.native.test.ts";
/** Machines that boot: firmware, kernels and guest from the cache as well. */
const MACHINE = "src/**/*.machine.test.ts";
/** Nothing but Node, and patience. */
const LONG = "src/**/*.long.test.ts";

/** @param options of the pure tests: they leave nothing behind, so that one process can load the code once for all. */
const tests = (name: string, include: string[], options: { exclude?: string[]; isolate?: boolean } = {}) => ({
  extends: true as const,
  test: { name, include, ...options },
});

export default defineConfig({
  // Addresses relative to the page, so that a build works in any folder of any host.
  base: "./",
  plugins: [guardPlugin(), pageHeadersPlugin(), imagesPlugin(), bridgePlugin()],
  // All dependencies by name: one that only a worker imports would be found late, and the page loaded anew.
  optimizeDeps: {
    include: [
      "@noble/hashes/legacy.js",
      "@noble/hashes/scrypt.js",
      "@noble/hashes/sha2.js",
      "@noble/hashes/sha3.js",
      "@xterm/addon-fit",
      "@xterm/xterm",
      "@zip.js/zip.js/lib/zip-core-native.js",
      "comlink",
      "fflate",
      "idb-keyval",
      "lit",
      "lit/directives/repeat.js",
      "v86",
      "valibot",
    ],
  },
  // No page of another origin reads anything here, not even one of this machine.
  server: { host: "127.0.0.1", headers: pageHeaders(), cors: false },
  preview: { host: "127.0.0.1", headers: pageHeaders(), cors: false },
  worker: { format: "es" },
  // v86 alone is 400 kB; its licence and those of the others go along.
  build: { target: "es2022", chunkSizeWarningLimit: 1000, license: { fileName: "licences.md" } },
  test: {
    projects: [
      // What a test needs, its file's name tells: src/tests.test.ts holds them to it.
      tests("unit", ["src/**/*.test.ts"], { exclude: [NATIVE, MACHINE, LONG], isolate: false }),
      tests("long", [LONG]),
      tests("native", [NATIVE]),
      tests("machine", [MACHINE]),
    ],
    // Real swtpm processes and machines run in some of these; two cores bear no more.
    maxWorkers: 2,
    // Limits that find what hangs, not what is slow beside something else.
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
