import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../bytes/hex.ts";
import type { CommandName } from "./command-codes.ts";
import { COMMANDS } from "./commands/index.ts";
import { decodeCommand, decodeResponse, decodeStructure } from "./decode.ts";
import { commandValues, encodeCommand, encodeCommand12, passwordSession } from "./encode.ts";
import { EncodeError } from "./encode-type.ts";
import type { Message } from "./message.ts";
import { responseCode } from "./parse.ts";
import type { Definition, FieldSpec } from "./schema.ts";
import { summary } from "./summary.ts";
import { badlyCovered, covered, generator, mutate, readExchanges } from "./testing/exchanges.ts";
import { COMMANDS12 } from "./tpm12/commands.ts";
import { errors, find, pathAt, toJson } from "./tree.ts";
import { TPMS_ATTEST } from "./types/attestation.ts";

/** Recorded from swtpm. */
const golden = (file: string) =>
  readExchanges(readFileSync(join(import.meta.dirname, "testdata", file), "utf8"));
const TPM20 = golden("tpm20.txt");
const TPM12 = golden("tpm12.txt");
const ALL = [...TPM20, ...TPM12];

const errorsOf = (message: Message) => errors(message.fields).map((field) => `${field.name}: ${field.error}`);

describe("recorded messages", () => {
  it("are more than a hundred commands and outcomes", () => {
    expect(new Set(TPM20.map(({ request }) => decodeCommand(request).name)).size).toBeGreaterThanOrEqual(100);
    expect(new Set(TPM12.map(({ request }) => decodeCommand(request).name)).size).toBeGreaterThanOrEqual(25);
    expect(TPM20.filter(({ response }) => responseCode(response) !== 0).length).toBeGreaterThan(5);
  });

  it.each(ALL.map((exchange) => [exchange.words, exchange] as const))(
    "%s",
    (words, { request, response }) => {
      const command = decodeCommand(request);
      const answer = decodeResponse(response, request);
      expect(summary(request, response)).toBe(words);
      expect([...errorsOf(command), ...errorsOf(answer)]).toEqual([]);
      expect(covered(command.fields, 0)).toBe(request.length);
      expect(covered(answer.fields, 0)).toBe(response.length);
      expect(answer.responseCode).toBe(responseCode(response));
      expect(() => JSON.stringify(command.fields.map(toJson))).not.toThrow();
    },
  );

  it("of TPM 2.0 are composed again from their values", () => {
    for (const { request } of TPM20) {
      const command = decodeCommand(request);
      const name = command.name.slice(5) as CommandName;
      expect(toHex(encodeCommand(name, commandValues(command))), name).toBe(toHex(request));
    }
  });
});

/** A million of them: decode.long.test.ts. */
describe("mutated messages", () => {
  it("never throw, and every byte stays in exactly one leaf", () => {
    expect(badlyCovered(ALL, { seed: 21, messages: 20_000 })).toBe(0);
  });

  it("leave the summary a line of words", () => {
    const random = generator(12);
    for (let round = 0; round < 20_000; round++) {
      const { request, response } = ALL[random(ALL.length)]!;
      const words = summary(mutate(request, random), round & 1 ? mutate(response, random) : undefined);
      if (!/^[^\n]+$/.test(words)) throw new Error(`not a line of words: '${words}'`);
    }
  });
});

describe("decoding", () => {
  it("tells what is cut short and what is missing", () => {
    const cut = decodeCommand(fromHex("8001 0000000f 0000017e 00000001 00"));
    expect(errorsOf(cut)).toEqual(["hash: cut short: needs 2 byte(s), 1 left"]);
    expect(errorsOf(decodeCommand(fromHex("8001 0000000a 0000017b")))).toEqual([
      "bytesRequested: missing: the bytes end before it",
    ]);
    expect(errorsOf(decodeCommand(new Uint8Array(0)))).toEqual(["tag: missing: the bytes end before it"]);
  });

  it("shows surplus bytes, inside the size field and beyond it", () => {
    const message = decodeCommand(fromHex("8001 0000000e 0000017b 0004 aabb ccdd"));
    expect(errorsOf(message)).toEqual([
      "commandSize: the message has 16 byte(s)",
      "surplus: bytes that the message has no place for",
      "after the message: beyond the size field",
    ]);
  });

  it("shows a union's bytes when its selector is unknown, and goes on after the structure", () => {
    const request = encodeCommand("CreatePrimary", {
      handles: { primaryHandle: "OWNER" },
      parameters: { inPublic: fromHex("1234 000b 00000000 0000 aabbccdd"), outsideInfo: '"x"' },
    });
    const message = decodeCommand(request);
    expect(errorsOf(message)).toEqual(["parameters: TPMU_PUBLIC_PARMS has no form for this type"]);
    expect(find(message.fields, "parameters", "outsideInfo")?.text).toBe("78");
  });

  it("is not fooled by a hostile count", () => {
    const message = decodeCommand(fromHex("8001 00000014 0000017e ffffffff 0004 03 ffffff"));
    expect(errorsOf(message)).toEqual(["count: 4294967295 item(s) announced, 1 there"]);
  });

  it("shows unknown commands and responses to unknown commands as bytes", () => {
    expect(decodeCommand(fromHex("8001 0000000c 20001234 0102"))).toMatchObject({ name: "0x20001234" });
    const answer = decodeResponse(fromHex("8001 0000000c 00000000 0102"));
    expect(answer.fields.at(-1)).toMatchObject({ name: "surplus", text: "0102" });
  });

  it("marks encrypted parameters by the session's attributes", () => {
    const request = encodeCommand("GetRandom", {
      sessions: [
        { sessionHandle: 0x02000000, nonce: "00".repeat(16), sessionAttributes: "encrypt|continueSession" },
      ],
      parameters: { bytesRequested: 2 },
    });
    const response = fromHex("8002 0000001f 00000000 00000004 0002 beef 0004 01020304 41 0004 05060708");
    const answer = decodeResponse(response, request);
    expect(find(answer.fields, "parameters", "randomBytes")).toMatchObject({
      text: "beef",
      note: "encrypted with the session's key; only the size can be read",
    });
    const plain = decodeResponse(fromHex("8001 0000000e 00000000 0002 beef"), request);
    expect(find(plain.fields, "parameters", "randomBytes")?.note).toBeUndefined();
    expect(find(answer.fields, "authorizationArea", "[0]", "sessionAttributes")?.text).toBe(
      "continueSession, encrypt",
    );
  });

  it("points out a password in the clear", () => {
    const request = encodeCommand("Unseal", {
      handles: { itemHandle: 0x80000000 },
      sessions: [passwordSession('"secret"')],
    });
    const hmac = find(decodeCommand(request).fields, "authorizationArea", "[0]", "hmac");
    expect(hmac).toMatchObject({ text: "736563726574", note: "a password, in the clear" });
  });

  it("reads a structure that is kept apart from its message", () => {
    const quote = TPM20.find(({ words }) => words.startsWith("quote "))!;
    const attest = find(decodeResponse(quote.response, quote.request).fields, "parameters", "quoted")!
      .children![1]!;
    const bytes = quote.response.slice(attest.offset, attest.offset + attest.length);
    const [alone, ...rest] = decodeStructure(TPMS_ATTEST, bytes);
    expect(rest).toEqual([]);
    expect(alone).toMatchObject({ type: "TPMS_ATTEST", offset: 0, length: bytes.length, text: attest.text });
    const longer = decodeStructure(TPMS_ATTEST, Uint8Array.of(...bytes, 1, 2));
    expect(errors(longer).map((field) => [field.offset, field.length])).toEqual([[bytes.length, 2]]);
    expect(covered(decodeStructure(TPMS_ATTEST, bytes.slice(0, 9)), 0)).toBe(9);
  });

  it("finds the fields at a byte", () => {
    const path = pathAt(decodeCommand(fromHex("8001 0000000c 00000144 0000")).fields, 11).map(
      (field) => field.name,
    );
    expect(path).toEqual(["parameters", "startupType"]);
  });

  it("reads TPM 1.2 authorizations from the end of the message", () => {
    const auth = {
      authHandle: 0x02000000,
      nonceOdd: "11".repeat(20),
      continueAuthSession: 1,
      auth: "22".repeat(20),
    };
    const request = encodeCommand12("OwnerClear", {}, [auth]);
    expect(toHex(request.subarray(0, 10))).toBe("00c2000000370000005b");
    const message = decodeCommand(request);
    expect(errorsOf(message)).toEqual([]);
    expect(find(message.fields, "authorizationArea", "[0]", "auth")?.text).toBe("22".repeat(20));
  });
});

describe("composing", () => {
  it("names the field that does not fit", () => {
    const compose = (parameters: object) => () =>
      encodeCommand("GetRandom", { parameters: { ...parameters } });
    expect(compose({ bytes: 4 })).toThrow("bytes: no such field; there are bytesRequested");
    expect(compose({ bytesRequested: 70_000 })).toThrow("bytesRequested: 70000 does not fit in 2 byte(s)");
    expect(compose({ bytesRequested: "many" })).toThrow(
      "bytesRequested: 'many' is neither a number nor a name",
    );
    expect(() => encodeCommand("PCR_Read", { parameters: { pcrSelectionIn: [{ hash: "MD5" }] } })).toThrow(
      "pcrSelectionIn[0].hash: 'MD5' is neither a number nor a name of TPMI_ALG_HASH",
    );
    expect(() => encodeCommand("TestParms", { parameters: { parameters: { type: "AES" } } })).toThrow(
      EncodeError,
    );
    expect(() => encodeCommand12("DAA_Join")).toThrow("DAA_Join: no table describes");
  });

  it("takes names, ranges of PCRs and text", () => {
    const request = encodeCommand("Quote", {
      handles: { signHandle: 0x81000001 },
      parameters: { qualifyingData: '"nonce"', PCRselect: [{ hash: "sha256", pcrSelect: "0-7, 16" }] },
    });
    expect(summary(request)).toBe("quote PCRs 0-7, 16 of sha256, signed by 0x81000001");
    expect(find(decodeCommand(request).fields, "parameters", "qualifyingData")?.text).toBe("6e6f6e6365");
  });
});

describe("the tables", () => {
  /** Every definition reachable from the commands. */
  function definitions(): Set<Definition> {
    const seen = new Set<Definition>();
    const visit = (type: Definition): void => {
      if (seen.has(type)) return;
      seen.add(type);
      if (type.kind === "sized") visit(type.content);
      if (type.kind === "list") visit(type.item);
      if (type.kind === "struct") for (const field of type.fields) visit(field.type);
      if (type.kind === "alternatives") type.options.forEach(visit);
      if (type.kind === "union")
        for (const chosen of [...type.cases.values(), type.otherwise]) if (chosen) visit(chosen);
    };
    for (const spec of Object.values(COMMANDS)) {
      for (const field of [...spec.handles, ...spec.parameters, ...spec.responseHandles, ...spec.response]) {
        visit(field.type);
      }
    }
    for (const spec of Object.values(COMMANDS12)) {
      for (const field of [...spec.parameters, ...spec.response]) visit(field.type);
    }
    return seen;
  }

  const lists = (): (readonly FieldSpec[])[] => [
    ...Object.values(COMMANDS).flatMap((spec) => [spec.parameters, spec.response]),
    ...Object.values(COMMANDS12).flatMap((spec) => [spec.parameters, spec.response]),
    ...[...definitions()].flatMap((type) => (type.kind === "struct" ? [type.fields] : [])),
  ];

  it("name an earlier sibling for each union, of a kind that has a number", () => {
    for (const fields of lists()) {
      for (const [index, field] of fields.entries()) {
        if (field.type.kind !== "union") continue;
        const selector = fields.slice(0, index).find((other) => other.name === field.by);
        expect(selector?.type.kind, `${field.name} by ${field.by}`).toMatch(/constant|uint/);
      }
    }
  });

  it("tell the meaning of everything in one line", () => {
    for (const type of definitions()) expect(type.meaning, type.name).toMatch(/^[^\n]{2,120}$/);
    for (const field of lists().flat()) expect(field.meaning, field.name).toMatch(/^[^\n]{1,120}$/);
    for (const [name, spec] of Object.entries(COMMANDS)) {
      expect(spec.meaning, name).toMatch(/^[A-Z].*\.$|^Policy: .*\.$/);
      expect(spec.spec, name).toMatch(name.startsWith("NTC2_") ? /^Nuvoton / : /^Part 3, \d+\.\d+$/);
    }
  });

  it("use no field name twice in a structure", () => {
    for (const fields of lists()) expect(new Set(fields.map((field) => field.name)).size).toBe(fields.length);
  });
});
