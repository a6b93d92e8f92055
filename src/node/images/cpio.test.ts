import { describe, expect, test } from "vitest";
import { type CpioEntry, CpioError, cpio } from "./cpio.ts";

const text = (value: string) => new TextEncoder().encode(value);

const ENTRIES: CpioEntry[] = [
  { type: "directory", path: "bin" },
  { type: "file", path: "bin/tool", mode: 0o755, data: text("#!/bin/sh\n") },
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

  test.each([
    ["an absolute path", [{ type: "directory", path: "/bin" }], /relative/],
    ["a path that comes twice", [ENTRIES[0], ENTRIES[0]], /twice/],
    ["a file before its directory", [ENTRIES[1], ENTRIES[0]], /before its directory "bin"/],
  ] as [string, CpioEntry[], RegExp][])("refuses %s", (_, entries, message) => {
    expect(() => cpio(entries)).toThrow(CpioError);
    expect(() => cpio(entries)).toThrow(message);
  });
});
