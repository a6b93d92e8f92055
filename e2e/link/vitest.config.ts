import { defineConfig } from "vitest/config";

/** The device across threads in real Chromium, with a real bridge and swtpm behind it. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
