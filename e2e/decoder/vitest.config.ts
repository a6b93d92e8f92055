import { defineConfig } from "vitest/config";

/** Real swtpm, tpm2-tools and tshark; apart from the unit tests, since it needs Debian's packages of these. */
export default defineConfig({
  cacheDir: "../../node_modules/.vite-decoder",
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
