import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AssembleError, assemble, assembleRom, generatedSource, ROMS } from "./assemble.ts";

describe("an option ROM", () => {
  it.each(ROMS)("in the repository is what $source assembles to", (rom) => {
    expect(readFileSync(rom.generated, "utf8")).toBe(generatedSource(rom, assembleRom(rom)));
  });
});

describe("assembling", () => {
  it("of something else fails in words", () => {
    const file = join(tmpdir(), `webtpm-wrong-${process.pid}.S`);
    writeFileSync(file, "nonsense %eax\n");
    expect(() => assemble(file)).toThrow(AssembleError);
    expect(() => assemble(file)).toThrow("no such instruction");
  });
});
