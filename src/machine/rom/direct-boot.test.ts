import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DIRECT_BOOT_PREFIX } from "../../protocol/eventlog/index.ts";
import { directBootRom, NAME_PREFIX } from "./direct-boot.ts";
import { LOADER_FIELDS } from "./linux-image.ts";

describe("the option ROM", () => {
  it("is one that firmware takes", () => {
    const rom = directBootRom();
    expect([rom[0], rom[1]]).toEqual([0x55, 0xaa]);
    expect((rom[2] as number) * 512).toBe(rom.length);
    expect(rom.reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
  });

  it("undoes just the header fields that the loader fills in", () => {
    const source = readFileSync(join(import.meta.dirname, "asm/memory.inc"), "utf8");
    const table = source.slice(source.indexOf("loader_fields:\n"));
    const rows = Array.from(table.matchAll(/\.word\s+(0x[0-9a-f]+), (\d+)/g), (row) => [
      Number(row[1]),
      Number(row[2]),
    ]);
    expect(rows).toEqual(LOADER_FIELDS);
  });

  it("names files as the event log's reader expects", () => {
    expect(NAME_PREFIX).toBe(DIRECT_BOOT_PREFIX);
  });
});
