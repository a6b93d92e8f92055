import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../bytes/hex.ts";
import * as build from "./build.ts";
import { commandName, responseCodeName } from "./names.ts";
import * as parse from "./parse.ts";
import { responseCodeText } from "./response-code.ts";

describe("names", () => {
  it("are the field's own for commands", () => {
    expect(commandName(0x182, "2.0")).toBe("TPM2_PCR_Extend");
    expect(commandName(0x14, "1.2")).toBe("TPM_Extend");
    expect(commandName(0x4000000a, "1.2")).toBe("TSC_PhysicalPresence");
    expect(commandName(0x20000001, "2.0")).toBe("0x20000001");
  });
  it("tell handle, session and parameter of a format-one response code", () => {
    expect(responseCodeName(0, "2.0")).toBe("TPM_RC_SUCCESS");
    expect(responseCodeName(0x100, "2.0")).toBe("TPM_RC_INITIALIZE");
    expect(responseCodeName(0x922, "2.0")).toBe("TPM_RC_RETRY");
    expect(responseCodeName(0x1c4, "2.0")).toBe("TPM_RC_VALUE (parameter 1)");
    expect(responseCodeName(0x9a2, "2.0")).toBe("TPM_RC_BAD_AUTH (session 1)");
    expect(responseCodeName(0x184, "2.0")).toBe("TPM_RC_VALUE (handle 1)");
    expect(responseCodeName(0x1e, "2.0")).toBe("TPM_RC_BAD_TAG");
    expect(responseCodeName(0x5ff, "2.0")).toBe("0x5FF");
    expect(responseCodeName(0x26, "1.2")).toBe("TPM_INVALID_POSTINIT");
  });
  it("have the words of tpm2_rc_decode", () => {
    expect(responseCodeText(0x1c4)).toBe(
      "parameter(1):value is out of range or is not correct for the context",
    );
    expect(responseCodeText(0x100)).toBe(
      "error(2.0): TPM not initialized by TPM2_Startup or already initialized",
    );
  });
});

describe("builders", () => {
  it("give the bytes that firmware and tpm2-tools send", () => {
    expect(toHex(build.TPM2_Startup())).toBe("80010000000c000001440000");
    expect(toHex(build.TPM2_GetCapability(5, 0, 1))).toBe("8001000000160000017a000000050000000000000001");
    expect(toHex(build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [0, 7, 16] }]))).toBe(
      "8001000000140000017e00000001000b03810001",
    );
    expect(toHex(build.TPM2_PCR_Extend(4, [{ algorithm: "sha1", digest: new Uint8Array(20) }]))).toBe(
      `800200000035000001820000000400000009400000090000000000000000010004${"00".repeat(20)}`,
    );
    expect(toHex(build.TPM_Startup())).toBe("00c10000000c000000990001");
    expect(toHex(build.TPM_GetCapability(0x05, 0x101))).toBe("00c10000001600000065000000050000000400000101");
  });
  it("refuse what cannot be sent, in words", () => {
    expect(() => build.TPM2_PCR_Read([{ algorithm: "sha0", pcrs: [] }])).toThrow(
      "'sha0' is no TPM algorithm",
    );
    expect(() => build.TPM2_PCR_Read([{ algorithm: "sha1", pcrs: [24] }])).toThrow("PCR 24 is outside 0-23");
    expect(() => build.TPM2_PCR_Extend(0, [{ algorithm: "sha1", digest: new Uint8Array(32) }])).toThrow(
      "has 20 bytes, got 32",
    );
  });
});

describe("parsers", () => {
  const pcrRead = fromHex(`8001 0000003e 00000000 00000014 00000001 0004 03 030000 00000002
    0014 ${"11".repeat(20)} 0014 ${"22".repeat(20)}`);
  it("pair PCRs with their values", () => {
    const result = parse.parsePcrRead(pcrRead);
    expect(result.updateCounter).toBe(20);
    expect(result.values.map(({ algorithm, pcr, digest }) => [algorithm, pcr, digest[0]])).toEqual([
      ["sha1", 0, 0x11],
      ["sha1", 1, 0x22],
    ]);
    expect(parse.remainingSelection([{ algorithm: "sha1", pcrs: [0, 1, 2] }], result.selection)).toEqual([
      { algorithm: "sha1", pcrs: [2] },
    ]);
  });
  it("throw a typed error for errors, cuts and hostile counts", () => {
    expect(() => parse.parsePcrRead(fromHex("80010000000a00000100"))).toThrow(
      "TPM2_PCR_Read was answered TPM_RC_INITIALIZE",
    );
    for (let length = 0; length < pcrRead.length; length++) {
      expect(() => parse.parsePcrRead(pcrRead.slice(0, length))).toThrow(parse.TpmResponseError);
    }
    expect(() => parse.parsePcrAllocation(fromHex("8001 00000013 00000000 00 00000005 ffffffff"))).toThrow(
      parse.TpmResponseError,
    );
    expect(() => parse.parsePcrRead12(fromHex("00c4 0000000a 00000026"))).toThrow("TPM_INVALID_POSTINIT");
  });
  it("read the family from the tag", () => {
    expect(parse.familyOf(build.TPM_PCRRead(0))).toBe("1.2");
    expect(parse.familyOf(build.TPM2_GetRandom(4))).toBe("2.0");
  });
});
