import { describe, expect, it } from "vitest";
import { fromHex } from "../../../protocol/bytes/hex.ts";
import { build } from "../../../protocol/tpm2/index.ts";
import { CommandFilter } from "./filter.ts";

const handles = (code: string, ...values: string[]) =>
  fromHex(
    `8002${(10 + 4 * values.length).toString(16).padStart(8, "0")}${code.padStart(8, "0")}${values.join("")}`,
  );
const clear = handles("126", "4000000a");
const changeAuth = handles("129", "40000001");
const extend = (pcr: number) =>
  build.TPM2_PCR_Extend(pcr, [{ algorithm: "sha256", digest: new Uint8Array(32) }]);
const nvRead = (index: string) => handles("14e", index, index);
const quote = handles("158", "80000001");
const unseal = handles("15e", "80000001");

describe.each([
  ["attest", { attest: true, use: false }],
  ["use", { attest: true, use: true }],
])("the preset %s", (preset, may) => {
  const filter = new CommandFilter({ allow: [preset] });
  const allows = (command: Uint8Array) => filter.refuse("2.0", command) === undefined;

  it("allows what it is for", () => {
    expect(allows(build.TPM2_Startup())).toBe(true);
    expect(allows(quote)).toBe(may.attest);
    expect(allows(unseal)).toBe(may.use);
    expect(allows(extend(16))).toBe(may.use);
    expect(allows(handles("131", "4000000b"))).toBe(true);
    expect(allows(nvRead("01c00002"))).toBe(true);
  });

  it("keeps the owner's TPM as it is", () => {
    for (const command of [clear, changeAuth, extend(0), extend(10), nvRead("01500001"), nvRead("01c08000")])
      expect(allows(command)).toBe(false);
    // Owner and platform: EvictControl, NV_DefineSpace, NV_Write, NV_UndefineSpace, HierarchyControl, ClearControl,
    // DictionaryAttackLockReset, ...Parameters, ChangeEPS, ChangePPS, SetPrimaryPolicy, PCR_Allocate, ClockSet,
    // FieldUpgradeStart, Shutdown, and a vendor's.
    for (const code of "120 12a 137 122 121 127 139 13a 124 125 12e 12b 128 12f 145 20000001".split(" "))
      expect(allows(handles(code, "40000001"))).toBe(false);
    // PolicySecret and CreatePrimary for lockout and platform.
    expect(allows(handles("151", "4000000a", "03000000"))).toBe(false);
    expect(allows(handles("131", "4000000c"))).toBe(false);
    expect(filter.refuse("2.0", fromHex("8001"))).toBe("it is no command");
    expect(allows(handles("14e"))).toBe(false);
  });

  it("is the same for TPM 1.2", () => {
    const allows12 = (code: string, body = "") =>
      filter.refuse(
        "1.2",
        fromHex(`00c1${(10 + body.length / 2).toString(16).padStart(8, "0")}000000${code}${body}`),
      ) === undefined;
    expect(["99", "16", "65", "15"].map((code) => allows12(code))).toEqual([true, true, true, true]);
    expect(["5b", "5d", "0d", "cd", "73", "98"].map((code) => allows12(code))).not.toContain(true);
    expect(allows12("18")).toBe(may.use);
    expect(allows12("14", `00000010${"00".repeat(20)}`)).toBe(may.use);
    expect(allows12("14", `00000000${"00".repeat(20)}`)).toBe(false);
    expect(allows12("c8", "0003000001")).toBe(may.use);
    expect(allows12("c8", "0003000002")).toBe(false);
  });
});

it("names allow without conditions, and denying counts more", () => {
  const filter = new CommandFilter({ allow: ["attest", "TPM2_PCR_Extend", "0x126"], deny: ["Quote"] });
  expect(filter.refuse("2.0", extend(0))).toBeUndefined();
  expect(filter.refuse("2.0", clear)).toBeUndefined();
  expect(filter.refuse("2.0", quote)).toBe("it is denied here");
  expect(filter.refuse("2.0", unseal)).toBe("it is not among what is allowed here");
  const all = new CommandFilter({ allow: ["all"], deny: ["Clear"] });
  expect(all.refuse("2.0", changeAuth)).toBeUndefined();
  expect(all.refuse("2.0", clear)).toBe("it is denied here");
});

it("a name that no TPM has is refused, and so is a preset where a command belongs", () => {
  expect(() => new CommandFilter({ allow: ["Qoute"] })).toThrow('there is no command "Qoute"');
  expect(() => new CommandFilter({ deny: ["attest"] })).toThrow("presets cannot be denied");
  expect(() => new CommandFilter({ allow: ["constructor"] })).toThrow("there is no command");
});
