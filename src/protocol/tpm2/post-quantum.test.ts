/** Version 1.85 of the library specification: ML-KEM, ML-DSA, and what came with them. */
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/hex.ts";
import { algorithmId } from "./algorithms.ts";
import { type CommandName, TPM_CC } from "./command-codes.ts";
import { COMMANDS } from "./commands/index.ts";
import { decodeCommand, decodeResponse } from "./decode.ts";
import { commandValues, encodeCommand } from "./encode.ts";
import { responseCodeName } from "./names.ts";
import { summary } from "./summary.ts";
import { badlyCovered, covered } from "./testing/exchanges.ts";
import { fill, POST_QUANTUM } from "./testing/post-quantum.ts";
import { errors, type Field, find } from "./tree.ts";

/** The messages of a summary, decoded. */
function message(words: string) {
  const found = POST_QUANTUM.find((exchange) => exchange.words === words);
  if (!found) throw new Error(`no exchange '${words}'`);
  return {
    command: decodeCommand(found.request),
    answer: decodeResponse(found.response, found.request),
  };
}

/** Names, types and texts of a structure's fields, one a line; long bytes by their beginning and length. */
const told = (fields: readonly Field[] | undefined): string[] =>
  (fields ?? []).map(({ name, type, text }) =>
    text.length > 64 ? `${name} ${type} ${text.slice(0, 4)}…` : `${name} ${type} ${text}`,
  );
const group = (fields: readonly Field[], name: string) => told(find(fields, name)?.children);
const buffer = (field: Field | undefined): string => toHex(field?.value as Uint8Array);

describe("messages of version 1.85", () => {
  it.each(POST_QUANTUM.map((exchange, index) => [`${index} ${exchange.words}`, exchange] as const))(
    "%s",
    (_, { words, request, response }) => {
      const command = decodeCommand(request);
      const answer = decodeResponse(response, request);
      expect(errors(command.fields).map(({ name, error }) => `${name}: ${error}`)).toEqual([]);
      expect(errors(answer.fields).map(({ name, error }) => `${name}: ${error}`)).toEqual([]);
      expect(covered(command.fields, 0)).toBe(request.length);
      expect(covered(answer.fields, 0)).toBe(response.length);
      expect(summary(request, response)).toBe(words);
      const name = command.name.slice("TPM2_".length) as CommandName;
      expect(toHex(encodeCommand(name, commandValues(command)))).toBe(toHex(request));
    },
  );

  it("never throw when bytes are lost and changed, and every byte stays in exactly one leaf", () => {
    expect(badlyCovered(POST_QUANTUM, { seed: 185, messages: 4_000 })).toBe(0);
  });

  it("encapsulate a secret and open it again", () => {
    const { command, answer } = message("make secret for 0x80000001");
    expect(command.name).toBe("TPM2_Encapsulate");
    expect(command.fields.map(({ name }) => name)).toEqual(["header", "handles"]);
    expect(buffer(find(answer.fields, "parameters", "sharedSecret"))).toBe(fill("11", 32));
    expect(buffer(find(answer.fields, "parameters", "ciphertext"))).toBe(fill("22", 1088));
    const opened = message("open secret with 0x80000001");
    expect(opened.command.name).toBe("TPM2_Decapsulate");
    expect(buffer(find(opened.command.fields, "parameters", "ciphertext"))).toBe(fill("22", 1088));
    expect(buffer(find(opened.answer.fields, "parameters", "sharedSecret"))).toBe(fill("11", 32));
  });

  it("sign a message by a sequence", () => {
    const start = message("begin signature with 0x80000001 as 0x80000002").command;
    expect(start.name).toBe("TPM2_SignSequenceStart");
    expect(group(start.fields, "parameters")).toEqual([
      "auth TPM2B_AUTH 7077",
      "context TPM2B_SIGNATURE_CTX 637478",
    ]);
    const { command, answer } = message("sign 0x80000002 and 5 bytes with 0x80000001");
    expect(command.name).toBe("TPM2_SignSequenceComplete");
    expect(find(command.fields, "authorizationArea")?.children).toHaveLength(3);
    const signature = find(answer.fields, "parameters", "signature");
    expect(told(signature?.children)).toEqual([
      "sigAlg TPMI_ALG_SIG_SCHEME TPM_ALG_MLDSA",
      "signature TPM2B_SIGNATURE_MLDSA 5a5a…",
    ]);
    expect(buffer(find(signature?.children, "signature"))).toBe(fill("5a", 3309));
  });

  it("check a message by a sequence", () => {
    const start = message("begin check of a signature by 0x80000001 as 0x80000002").command;
    expect(group(start.fields, "parameters").map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "auth TPM2B_AUTH",
      "hint TPM2B_SIGNATURE_HINT",
      "context TPM2B_SIGNATURE_CTX",
    ]);
    const { command, answer } = message("check signature of 0x80000002 by 0x80000001");
    expect(command.name).toBe("TPM2_VerifySequenceComplete");
    // Only the sequence has to be authorized.
    expect(find(command.fields, "authorizationArea")?.children).toHaveLength(2);
    expect(told(find(answer.fields, "parameters", "validation")?.children)).toEqual([
      "tag TPM_ST TPM_ST_MESSAGE_VERIFIED",
      "hierarchy TPMI_RH_HIERARCHY TPM_RH_OWNER",
      `hmac TPM2B_DIGEST ${fill("71", 32)}`,
    ]);
  });

  it("sign a digest, and check it", () => {
    const signed = POST_QUANTUM.find(({ words }) => words === "sign d9d9d9… with 0x80000001")!;
    const command = decodeCommand(signed.request);
    expect(command.name).toBe("TPM2_SignDigest");
    expect(group(command.fields, "parameters").map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "context TPM2B_SIGNATURE_CTX",
      "digest TPM2B_DIGEST",
      "validation TPMT_TK_HASHCHECK",
    ]);
    const signature = find(decodeResponse(signed.response, signed.request).fields, "parameters", "signature");
    expect(told(find(signature?.children, "signature")?.children)).toEqual([
      "hash TPMI_ALG_HASH TPM_ALG_SHA256",
      "signature TPM2B_SIGNATURE_MLDSA 5b5b…",
    ]);
    const { command: check, answer } = message("check signature of d9d9d9… by 0x80000001");
    expect(check.name).toBe("TPM2_VerifyDigestSignature");
    expect(told(find(answer.fields, "parameters", "validation")?.children)).toEqual([
      "tag TPM_ST TPM_ST_DIGEST_VERIFIED",
      "hierarchy TPMI_RH_HIERARCHY TPM_RH_OWNER",
      "metadata TPM_ALG_ID TPM_ALG_SHA256",
      `hmac TPM2B_DIGEST ${fill("72", 32)}`,
    ]);
  });

  it("read an Edwards-curve signature, which names no hash", () => {
    const check = POST_QUANTUM.map(({ request }) => decodeCommand(request)).find(
      ({ name }) => name === "TPM2_VerifySignature",
    );
    expect(told(find(check?.fields, "parameters", "signature")?.children)).toEqual([
      "sigAlg TPMI_ALG_SIG_SCHEME TPM_ALG_EDDSA",
      "signature TPM2B_SIGNATURE_EDDSA 5c5c…",
    ]);
  });

  it("show keys with their parameter sets", () => {
    const parameters = (words: string) => {
      const { answer } = message(words);
      const key = find(answer.fields, "parameters", "outPublic")?.children?.[1];
      return {
        told: told(find(key?.children, "parameters")?.children),
        unique: find(key?.children, "unique"),
      };
    };
    const mldsa = parameters("create primary ML-DSA-65 in the owner hierarchy as 0x80000001");
    expect(mldsa.told).toEqual([
      "parameterSet TPMI_MLDSA_PARMS TPM_MLDSA_65",
      "allowExternalMu TPMI_YES_NO YES",
    ]);
    expect(mldsa.unique?.type).toBe("TPM2B_PUBLIC_KEY_MLDSA");
    expect(buffer(mldsa.unique)).toBe(fill("d1", 1952));
    expect(parameters("read public part of 0x80000001: HashML-DSA-44").told).toEqual([
      "parameterSet TPMI_MLDSA_PARMS TPM_MLDSA_44",
      "hashAlg TPMI_ALG_HASH TPM_ALG_SHA256",
    ]);
    const mlkem = parameters("read public part of 0x80000001: ML-KEM-768");
    expect(mlkem.told.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "symmetric TPMT_SYM_DEF_OBJECT",
      "parameterSet TPMI_MLKEM_PARMS",
    ]);
    expect(mlkem.told[1]).toMatch(/TPM_MLKEM_768$/);
    expect(mlkem.unique?.type).toBe("TPM2B_PUBLIC_KEY_MLKEM");
    const parent = message("read public part of 0x80000001: ML-KEM-1024").answer;
    const area = find(parent.fields, "parameters", "outPublic")?.children?.[1]?.children;
    expect(told(find(area, "parameters", "symmetric")?.children)).toEqual([
      "algorithm TPMI_ALG_SYM_OBJECT TPM_ALG_AES",
      "keyBits TPM_KEY_BITS 128 bits",
      "mode TPMI_ALG_SYM_MODE TPM_ALG_CFB",
    ]);
    expect(find(area, "parameters", "parameterSet")?.text).toBe("TPM_MLKEM_1024");
  });

  it("show the seeds of private keys", () => {
    for (const [words, type, bytes] of [
      ["load external ML-DSA-65 as 0x80000001", "TPM2B_PRIVATE_KEY_MLDSA", fill("f1", 32)],
      ["load external ML-KEM-768 as 0x80000001", "TPM2B_PRIVATE_KEY_MLKEM", fill("f2", 64)],
    ] as const) {
      const secret = find(message(words).command.fields, "parameters", "inPrivate")?.children?.[1];
      const seed = find(secret?.children, "sensitive");
      expect(seed?.type).toBe(type);
      expect(buffer(seed)).toBe(bytes);
    }
  });

  it("tell which parameter sets a TPM has", () => {
    const { answer } = message("ask for properties from TPM_PT_ML_PARAMETER_SETS");
    const value = find(answer.fields, "parameters", "capabilityData", "data", "[0]", "value");
    expect(value).toMatchObject({
      type: "TPMA_ML_PARAMETER_SET",
      text: "mlKem_512, mlKem_768, mlKem_1024, mlDsa_44, mlDsa_65, mlDsa_87, extMu",
    });
  });

  it("tell sessions of the secure channel and set-ups of a chip", () => {
    const sessions = message("ask for sessions of the secure channel").answer;
    const session = find(sessions.fields, "parameters", "capabilityData", "data", "[0]");
    expect(session?.type).toBe("TPMS_SPDM_SESSION_INFO");
    expect(session?.children?.map(({ name, length }) => [name, length])).toEqual([
      ["reqKeyName", 2],
      ["tpmKeyName", 36],
    ]);
    const config = message("read set-up of the Nuvoton chip").answer;
    const fields = find(config.fields, "parameters", "preConfig")?.children ?? [];
    expect(fields).toHaveLength(18);
    expect(find(fields, "AltCfg")?.text).toBe("0x13");
    expect(find(fields, "CFG_J")?.text).toBe("0xA9");
    expect(find(fields, "IsValid")?.text).toBe("0xAA");
  });
});

describe("names of version 1.85", () => {
  it("are those of the algorithm registry", () => {
    expect(["mlkem", "mldsa", "hash_mldsa", "hkdf"].map(algorithmId)).toEqual([0xa0, 0xa1, 0xa2, 0x1f]);
  });

  it("are there for every command code from first to last, but for the six that are reserved", () => {
    const codes = new Set<number>(Object.values(TPM_CC));
    const missing = Array.from({ length: 0x1aa - 0x11f + 1 }, (_, index) => 0x11f + index).filter(
      (code) => !codes.has(code),
    );
    expect(missing).toEqual([0x123, 0x15a, 0x15f, 0x166, 0x175, 0x1a2]);
    expect(Object.keys(COMMANDS).sort()).toEqual(Object.keys(TPM_CC).sort());
  });

  it("are there for response codes", () => {
    expect(responseCodeName(0x2ea, "2.0")).toBe("TPM_RC_PARMS (parameter 2)");
    expect([0xab, 0xac, 0xad].map((code) => responseCodeName(code, "2.0"))).toEqual([
      "TPM_RC_EXT_MU",
      "TPM_RC_ONE_SHOT_SIGNATURE",
      "TPM_RC_SIGN_CONTEXT_KEY",
    ]);
    expect([0xa8, 0xa9, 0xb0, 0xb1, 0x156].map((code) => responseCodeName(code, "2.0"))).toEqual([
      "TPM_RC_FW_LIMITED",
      "TPM_RC_SVN_LIMITED",
      "TPM_RC_CHANNEL",
      "TPM_RC_CHANNEL_KEY",
      "TPM_RC_READ_ONLY",
    ]);
  });

  it("are there for hierarchies that the firmware limits", () => {
    const hierarchy = (code: number) => {
      const request = encodeCommand("CreatePrimary", { handles: { primaryHandle: code } });
      return find(decodeCommand(request).fields, "handles", "primaryHandle")?.text;
    };
    expect(hierarchy(0x4000_0141)).toBe("TPM_RH_FW_ENDORSEMENT");
    expect(hierarchy(0x4001_0007)).toBe("TPM_RH_SVN_OWNER 7");
    expect(hierarchy(0x4005_0000)).toBe("0x40050000");
  });
});
