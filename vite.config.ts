import { defineConfig } from "vitest/config";
import { bridgePlugin } from "./src/bridge/vite-plugin.ts";
import { imagesPlugin } from "./src/images/vite-plugin.ts";

/** Shared memory between page and worker needs a cross-origin isolated page. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

export default defineConfig({
  plugins: [imagesPlugin(), bridgePlugin()],
  server: { host: "127.0.0.1", headers: isolation },
  preview: { host: "127.0.0.1", headers: isolation },
  worker: { format: "es" },
  build: { target: "es2022" },
  test: {
    include: ["src/**/*.test.ts"],
    // Real swtpm processes and machines run in some of these; two cores bear no more.
    maxWorkers: 2,
  },
});
