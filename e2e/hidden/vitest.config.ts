import { defineConfig } from "vitest/config";

/** The hidden machine beside native swtpm, with Debian's tpm2-tools and swtpm_ioctl; apart from the unit tests. */
export default defineConfig({
  cacheDir: "../../node_modules/.vite-hidden",
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    testTimeout: 400_000,
    hookTimeout: 180_000,
    fileParallelism: false,
  },
});
