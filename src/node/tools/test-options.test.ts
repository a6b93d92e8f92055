import { describe, expect, it } from "vitest";
import { parseTestOptions, USAGE } from "./test-options.ts";
import { UsageError } from "./usage-error.ts";

describe("the options of the tests", () => {
  it("take everything, or parts in the order of the whole", () => {
    const all = parseTestOptions([])?.parts ?? [];
    expect(all.length).toBeGreaterThan(4);
    for (const part of all) expect(USAGE).toMatch(new RegExp(`^  ${part} `, "m"));
    expect(parseTestOptions(["--part", "native", "--part", "unit"])?.parts).toEqual(["unit", "native"]);
    expect(parseTestOptions(["--help"])).toBeUndefined();
  });

  it("take files of parts that have files", () => {
    expect(parseTestOptions(["--part", "unit", "src/device/tis"])).toEqual({
      parts: ["unit"],
      files: ["src/device/tis"],
    });
    expect(() => parseTestOptions(["src/device/tis"])).toThrow("name a part to run only 'src/device/tis' of");
  });

  it.each([
    [["--part", "units"], "--part takes check, unit, long, native, machine, e2e, not 'units'"],
    [["--quick"], "--quick"],
  ])("refuse %s in words", (args, message) => {
    expect(() => parseTestOptions(args)).toThrow(UsageError);
    expect(() => parseTestOptions(args)).toThrow(message);
  });
});
