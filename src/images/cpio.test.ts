import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type CpioEntry, CpioError, cpio } from "./cpio.ts";

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

describe("cpio", () => {
  test("writes the header fields where newc has them", () => {
    const archive = cpio([{ type: "file", path: "a", mode: 0o640, data: text("xyz") }]);
    const header = new TextDecoder().decode(archive.subarray(0, 110));
    expect(header).toBe(
      `070701${["1", "81a0", "0", "0", "1", "0", "3", "0", "0", "0", "0", "2", "0"].map((v) => v.padStart(8, "0")).join("")}`,
    );
    expect(new TextDecoder().decode(archive.subarray(110, 112))).toBe("a\0");
    expect(new TextDecoder().decode(archive.subarray(112, 115))).toBe("xyz");
    expect(new TextDecoder().decode(archive.subarray(116, 122))).toBe("070701");
    expect(archive.length % 4).toBe(0);
  });

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

  test.each([
    ["an absolute path", [{ type: "directory", path: "/bin" }], /relative/],
    ["a path that comes twice", [ENTRIES[0], ENTRIES[0]], /twice/],
    ["a file before its directory", [ENTRIES[1], ENTRIES[0]], /before its directory "bin"/],
  ] as [string, CpioEntry[], RegExp][])("refuses %s", (_, entries, message) => {
    expect(() => cpio(entries)).toThrow(CpioError);
    expect(() => cpio(entries)).toThrow(message);
  });
});
