/** Our archives, read by Debian's cpio. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type CpioEntry, cpio } from "./cpio.ts";

const text = (value: string) => new TextEncoder().encode(value);
const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

const ENTRIES: CpioEntry[] = [
  { type: "directory", path: "bin" },
  { type: "file", path: "bin/tool", mode: 0o755, data: text("#!/bin/sh\n") },
  { type: "symlink", path: "bin/alias", target: "tool" },
  { type: "directory", path: "dev" },
  { type: "character", path: "dev/console", mode: 0o600, major: 5, minor: 1 },
  { type: "file", path: "odd", data: text("12345") },
];

describe("an archive", () => {
  test("is read by the cpio program", () => {
    const listing = execFileSync("cpio", ["-tv", "--numeric-uid-gid", "--quiet"], {
      input: cpio(ENTRIES),
      encoding: "utf8",
    });
    const lines = listing.trim().split("\n");
    expect(lines).toHaveLength(ENTRIES.length);
    expect(lines[1]).toMatch(/^-rwxr-xr-x .* 10 .* bin\/tool$/);
    expect(lines[2]).toMatch(/^lrwxrwxrwx .* bin\/alias -> tool$/);
    expect(lines[4]).toMatch(/^crw------- .* 5, +1 .* dev\/console$/);
  });

  test("is unpacked by the cpio program", () => {
    const directory = mkdtempSync(join(tmpdir(), "webtpm-cpio-"));
    directories.push(directory);
    const plain = ENTRIES.filter((entry) => entry.type !== "character");
    execFileSync("cpio", ["-i", "--quiet"], { cwd: directory, input: cpio(plain) });
    expect(readFileSync(join(directory, "bin/alias"), "utf8")).toBe("#!/bin/sh\n");
    expect(readFileSync(join(directory, "odd"), "utf8")).toBe("12345");
    expect(statSync(join(directory, "bin/tool")).mode & 0o777).toBe(0o755);
  });
});
