import { defineConfig } from "vitest/config";

/** The page's main paths in Debian's Firefox; needs the images, swtpm and a build of the static page. Two minutes. */
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    globalSetup: "../static/build.ts",
    testTimeout: 600_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    expect: { poll: { timeout: 180_000, interval: 100 } },
    // A step goes on where the one before it has left page and machine.
    bail: 1,
  },
});
