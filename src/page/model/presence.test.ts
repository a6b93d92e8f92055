import { describe, expect, it } from "vitest";
import { choices, memoryText, requestText, resultText } from "./presence.ts";

describe("physical presence in words", () => {
  it("says what was asked for, and by whom", () => {
    expect(requestText("2.0", { operation: 5, parameter: 0, by: "guest" })).toMatch(
      /^Clear \(operation 5\), which clears the TPM: .*; asked for by the guest's operating system$/,
    );
    expect(requestText("2.0", { operation: 23, parameter: 6, by: "page" })).toBe(
      "SetPCRBanks (operation 23), which chooses the PCR banks that are in use (sha256, sha384); asked for on this page",
    );
    expect(requestText("1.2", { operation: 23, parameter: 6 })).toBe(
      "operation 23; asked for before this machine's snapshot was taken",
    );
  });

  it("says what came of it", () => {
    expect(resultText("2.0", 0)).toBe("done");
    expect(resultText("2.0", 0xffff_fff0)).toBe("the user refused it");
    expect(resultText("2.0", 0xffff_fff1)).toContain("the firmware could not do it");
    expect(resultText("2.0", 0x120)).toBe("the TPM refused it: TPM_RC_DISABLED");
    expect(resultText("1.2", 7)).toBe("the TPM refused it: TPM_DISABLED");
  });

  it("says what becomes of the memory", () => {
    expect(memoryText({ overwrite: true, overwritten: false })).toContain("at the next reset");
    expect(memoryText({ overwrite: false, overwritten: true })).toContain("was overwritten");
    expect(memoryText({ overwrite: false, overwritten: false })).toContain("outlives");
  });

  it("offers what needs no parameter", () => {
    expect(choices("2.0").map(({ operation }) => operation)).toEqual([5, 14, 21, 22, 24]);
    expect(choices("1.2")[0]?.label).toBe("1: Enable: enables the TPM");
  });
});
