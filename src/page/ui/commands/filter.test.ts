import { describe, expect, it } from "vitest";
import { build } from "../../../protocol/tpm2/index.ts";
import type { CommandRecord } from "../../../session/types.ts";
import { filterCommands } from "./filter.ts";

const record = (id: number, name: string, code: number, result: [number, string], origin: "guest" | "page") =>
  ({
    id,
    name,
    code,
    responseCode: result[0],
    responseName: result[1],
    origin,
    locality: id % 2,
    startedAt: id,
    request: name === "TPM2_Startup" ? build.TPM2_Startup() : new Uint8Array(),
  }) satisfies CommandRecord;
const RECORDS = [
  record(1, "TPM2_Startup", 0x144, [0, "TPM_RC_SUCCESS"], "guest"),
  record(2, "TPM2_PCR_Extend", 0x182, [0, "TPM_RC_SUCCESS"], "guest"),
  record(3, "TPM2_NV_Read", 0x14e, [0x28b, "TPM_RC_HANDLE"], "guest"),
  record(4, "TPM2_PCR_Read", 0x17e, [0, "TPM_RC_SUCCESS"], "page"),
];
const ids = (text: string) => filterCommands(RECORDS, text).map(({ id }) => id);

describe("filterCommands", () => {
  it("gives all for no words", () => {
    expect(filterCommands(RECORDS, "  ")).toBe(RECORDS);
  });

  it.each([
    ["pcr", [2, 4]],
    ["pcr guest", [2]],
    ["rc_handle", [3]],
    ["failed", [3]],
    ["clear", [1]],
    ["0x00000144", [1]],
    ["loc=1", [1, 3]],
    ["no such thing", []],
  ])("%s", (text, wanted) => {
    expect(ids(text)).toEqual(wanted);
  });
});
