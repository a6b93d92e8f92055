import { defineConfig } from "vitest/config";

/** Measured boots of the real guest; needs the images (`npm run images`), swtpm and tpm2-tools. Some minutes. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    fileParallelism: false,
  },
});
