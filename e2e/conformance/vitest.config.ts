import { defineConfig } from "vitest/config";

/** Real QEMU and swtpm; apart from the unit tests, since it needs Debian's packages of these and takes a minute. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    testTimeout: 600_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
  },
});
