/** What a user reads when the images cannot be fetched: the real tools, with an apt-get that fails as the real one does. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "webtpm-complain-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs a tool with an empty cache. @param apt what apt-get prints as it fails. */
function run(tool: string, apt: string): { status: number | null; text: string } {
  writeFileSync(join(scratch, "apt-get"), `#!/bin/sh\ncat >&2 <<'END'\n${apt}\nEND\nexit 100\n`);
  chmodSync(join(scratch, "apt-get"), 0o755);
  const env = {
    ...process.env,
    PATH: `${scratch}${delimiter}${process.env.PATH}`,
    WEBTPM_CACHE: join(scratch, "cache"),
  };
  const args = ["--import", "tsx", join(import.meta.dirname, tool)];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  return { status, text: stdout + stderr };
}

const NO_NETWORK = "W: Failed to fetch http://deb.debian.org/x  Temporary failure resolving 'deb.debian.org'";

it.each(["start.ts", "build.ts", "images.ts", "kernel.ts"])(
  "%s says without a stack that there is no network",
  (tool) => {
    const { status, text } = run(tool, NO_NETWORK);
    expect(status).toBe(1);
    expect(text).toContain("There is no way to http://deb.debian.org/debian now. Check the network");
    expect(text).toContain("Temporary failure resolving");
    expect(text).not.toMatch(/^\s+at /m);
    expect(existsSync(join(scratch, "cache/apt/updated"))).toBe(false);
  },
);
