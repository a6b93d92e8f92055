import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AssembleError, assemble, assembleRom, generatedSource } from "./assemble.ts";
import { directBootRom } from "./direct-boot.ts";

describe("the option ROM", () => {
  it("in the repository is what its source assembles to", () => {
    const image = assembleRom();
    expect(Buffer.from(directBootRom()).equals(image)).toBe(true);
    const file = readFileSync(join(import.meta.dirname, "direct-boot-rom.ts"), "utf8");
    expect(file).toBe(generatedSource(image));
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
