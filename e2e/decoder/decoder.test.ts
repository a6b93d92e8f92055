/**
 * The decoder on what Debian's tpm2-tools really say to a real swtpm: compared with Wireshark's dissector, with what
 * the tools print about the same bytes, and with `tpm2_rc_decode`.
 */
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { toHex } from "../../src/protocol/bytes/hex.ts";
import { toTraceJson } from "../../src/protocol/export/json.ts";
import { toPcap } from "../../src/protocol/export/pcap.ts";
import type { TraceEntry } from "../../src/protocol/export/trace.ts";
import type { CommandName } from "../../src/protocol/tpm2/command-codes.ts";
import { decodeCommand, decodeResponse } from "../../src/protocol/tpm2/decode.ts";
import { commandValues, encodeCommand } from "../../src/protocol/tpm2/encode.ts";
import type { Message } from "../../src/protocol/tpm2/message.ts";
import { commandCode, responseCode } from "../../src/protocol/tpm2/parse.ts";
import { responseCodeParts, responseCodeText } from "../../src/protocol/tpm2/response-code.ts";
import { errors, type Field, find, leaves } from "../../src/protocol/tpm2/tree.ts";
import { sendExotic } from "./exotic.ts";
import { RecordingTpm } from "./recorder.ts";
import { dissect } from "./tshark.ts";
import { compare, hasParameters, KNOWN, PARAMETERS } from "./tshark-differences.ts";
import { scalars } from "./yaml.ts";

const run = promisify(execFile);
let tpm: RecordingTpm;
let surprises: string[];

beforeAll(async () => {
  tpm = await RecordingTpm.start();
  await tpm.tool("bash", [join(import.meta.dirname, "scenario.sh")]);
  surprises = await sendExotic(tpm);
});
afterAll(() => tpm?.stop());

const decoded = (entry: TraceEntry): [Message, Message] => [
  decodeCommand(entry.request),
  decodeResponse(entry.response ?? new Uint8Array(0), entry.request),
];
const messages = (): Message[] => tpm.entries.flatMap(decoded);

/** Runs a tool. @returns what it printed, and the last successful response to a command while it ran. */
async function printed(tool: string, args: readonly string[], command: string) {
  const before = tpm.entries.length;
  const text = (await tpm.tool(tool, args)).toString();
  const entry = tpm.entries.slice(before).findLast((each) => decoded(each)[0].name === command);
  if (!entry) throw new Error(`${tool} sent no ${command}`);
  return {
    text,
    yaml: scalars(text),
    response: decoded(entry)[1],
    parameters: parametersOf(decoded(entry)[1]),
  };
}
const parametersOf = (message: Message): Field[] => find(message.fields, "parameters")?.children ?? [];
const items = (list: Field | undefined): Field[] => (list?.children ?? []).slice(1);
const hexOf = (field: Field | undefined) =>
  field?.value instanceof Uint8Array ? toHex(field.value) : undefined;
const bitsOf = (field: Field | undefined) =>
  Object.fromEntries((field?.bits ?? []).map((bit) => [bit.name, bit.value]));
/** The bytes of a message that a field covers. */
const bytesOf = (entry: TraceEntry, field: Field) =>
  entry.response!.slice(field.offset, field.offset + field.length);

describe("traffic of tpm2-tools", () => {
  it("has at least 60 commands that succeeded", () => {
    const codes = tpm.entries
      .filter((entry) => entry.response && responseCode(entry.response) === 0)
      .map((entry) => commandCode(entry.request));
    expect(new Set(codes).size).toBeGreaterThanOrEqual(60);
    expect(surprises).toEqual([]);
  });

  it("decodes without an error, every byte in exactly one leaf", () => {
    for (const entry of tpm.entries) {
      const [command, response] = decoded(entry);
      expect(errors(command.fields).map((field) => `${command.name} ${field.name}: ${field.error}`)).toEqual(
        [],
      );
      expect(
        errors(response.fields).map((field) => `${response.name} ${field.name}: ${field.error}`),
      ).toEqual([]);
      expectCovered(command, entry.request.length);
      expectCovered(response, entry.response!.length);
    }
  });

  it("is composed again from its decoded values, byte by byte", () => {
    for (const { request } of tpm.entries) {
      const command = decodeCommand(request);
      const name = command.name.replace("TPM2_", "") as CommandName;
      expect(toHex(encodeCommand(name, commandValues(command))), command.name).toBe(toHex(request));
    }
  });

  it("is exported as JSON", () => {
    const trace = JSON.parse(JSON.stringify(toTraceJson(tpm.entries)));
    expect(trace.commands).toHaveLength(tpm.entries.length);
    expect(trace.commands[0]).toMatchObject({
      command: "TPM2_Startup",
      summary: "start up (clear)",
      locality: 0,
    });
  });
});

function expectCovered(message: Message, length: number): void {
  let end = 0;
  for (const leaf of leaves(message.fields)) {
    expect(leaf.offset, `${message.name} ${leaf.name}`).toBe(end);
    end += leaf.length;
  }
  expect(end, message.name).toBe(length);
}

describe("Wireshark", () => {
  it("opens the exported capture, and agrees wherever it decodes, but for the listed differences", () => {
    const file = join(tpm.directory, "trace.pcap");
    writeFileSync(file, toPcap(tpm.entries));
    const theirs = dissect(file);
    const ours = messages();
    expect(theirs).toHaveLength(ours.length);
    let agreed = 0;
    const found = new Set<string>();
    for (const [index, message] of ours.entries()) {
      const comparison = compare(message, theirs[index]!);
      agreed += comparison.agreed;
      for (const difference of comparison.differences) found.add(difference);
    }
    const apart = ours.filter((message, index) => hasParameters(message, theirs[index]!));
    const kinds = new Set(apart.map((message) => `${message.name} ${message.direction}`));
    expect([...kinds].sort()).toEqual(Object.keys(PARAMETERS).sort());
    console.log(`tshark: ${agreed} fields agree, ${found.size} kinds of known differences`);
    expect([...found].filter((text) => !KNOWN.some(({ where }) => where.test(text)))).toEqual([]);
    expect(
      KNOWN.filter(({ where }) => ![...found].some((text) => where.test(text))).map(({ why }) => why),
    ).toEqual([]);
    expect(agreed).toBeGreaterThan(10_000);
  });
});

describe("what the tools print", () => {
  it("of the TPM's commands is what we decode, bit by bit", async () => {
    const { yaml, parameters } = await printed("tpm2_getcap", ["commands"], "TPM2_GetCapability");
    // The tools of this version have no name for it.
    const commands = items(find(parameters, "capabilityData", "data")).filter(
      (command) => command.text !== "TPM2_CertifyX509",
    );
    expect(commands.length).toBeGreaterThan(100);
    for (const command of commands) {
      const name = command.text.replace("TPM2_", "TPM2_CC_");
      expect(Number(yaml.get(`${name}.value`)), name).toBe(command.value);
      for (const bit of ["nv", "extensive", "flushed", "cHandles", "rHandle", "V"]) {
        expect(Number(yaml.get(`${name}.${bit}`)), `${name} ${bit}`).toBe(bitsOf(command)[bit]);
      }
    }
  });

  it("of its algorithms is what we decode", async () => {
    const { yaml, parameters } = await printed("tpm2_getcap", ["algorithms"], "TPM2_GetCapability");
    for (const item of items(find(parameters, "capabilityData", "data"))) {
      const name = item.children![0]!.text.replace("TPM_ALG_", "").toLowerCase();
      expect(Number(yaml.get(`${name}.value`)), name).toBe(item.children![0]!.value);
      for (const [bit, value] of Object.entries(bitsOf(item.children![1]))) {
        expect(Number(yaml.get(`${name}.${bit}`)), `${name} ${bit}`).toBe(value);
      }
    }
  });

  it("of its properties is what we decode", async () => {
    for (const group of ["properties-fixed", "properties-variable"]) {
      const { yaml, parameters } = await printed("tpm2_getcap", [group], "TPM2_GetCapability");
      const list = items(find(parameters, "capabilityData", "data"));
      expect(list.length).toBeGreaterThan(15);
      for (const item of list) expectProperty(yaml, item);
    }
  });

  it("of curves is what we decode", async () => {
    const { yaml, parameters } = await printed("tpm2_getcap", ["ecc-curves"], "TPM2_GetCapability");
    const curves = items(find(parameters, "capabilityData", "data"));
    expect(
      Object.fromEntries(curves.map((curve) => [curve.text.replace("TPM_", "TPM2_"), curve.value])),
    ).toEqual(Object.fromEntries([...yaml].map(([name, value]) => [name, Number(value)])));
  });

  it("of objects of every kind is what we decode", async () => {
    const kinds = {
      rsa2048: "restricted|decrypt",
      "rsa2048:rsapss-sha256:null": "sign",
      ecc: "restricted|decrypt",
      "ecc384:ecdsa-sha384": "sign",
      aes256cfb: "decrypt",
      hmac: "sign",
    };
    for (const [kind, use] of Object.entries(kinds)) {
      const attributes = `fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|${use}`;
      const options = ["-Q", "-C", "p", "-G", kind, "-a", attributes, "-c", "kind.ctx"];
      await tpm.tool("tpm2_createprimary", options);
      const { yaml, parameters } = await printed("tpm2_readpublic", ["-c", "kind.ctx"], "TPM2_ReadPublic");
      expectPublic(yaml, parameters);
      await tpm.tool("tpm2_flushcontext", ["-t"]);
    }
  });

  it("of NV indexes, clock and PCRs is what we decode", async () => {
    await tpm.tool("tpm2_nvdefine", [
      "-C",
      "p",
      "-s",
      "12",
      "-a",
      "ppread|ppwrite|policyread|no_da|platformcreate",
      "0x01500040",
    ]);
    const nv = await printed("tpm2_nvreadpublic", ["0x01500040"], "TPM2_NV_ReadPublic");
    const area = find(nv.parameters, "nvPublic", "nvPublic")?.children;
    expect(Number(nv.yaml.get("0x1500040.attributes.value"))).toBe(find(area, "attributes")?.value);
    expect(Number(nv.yaml.get("0x1500040.size"))).toBe(find(area, "dataSize")?.value);
    const set = nv.yaml.get("0x1500040.attributes.friendly")?.split("|").sort();
    expect(
      find(area, "attributes")?.text.toLowerCase().replace("tpm_nt_ordinary, ", "").split(", ").sort(),
    ).toEqual(set);

    const clock = await printed("tpm2_readclock", [], "TPM2_ReadClock");
    const info = find(clock.parameters, "currentTime", "clockInfo")?.children;
    expect(find(clock.parameters, "currentTime", "time")?.text).toBe(clock.yaml.get("time"));
    expect(find(info, "clock")?.text).toBe(clock.yaml.get("clock_info.clock"));
    expect(find(info, "resetCount")?.text).toBe(clock.yaml.get("clock_info.reset_count"));
    expect(find(info, "safe")?.text.toLowerCase()).toBe(clock.yaml.get("clock_info.safe"));

    const pcrs = await printed("tpm2_pcrread", ["sha256:0,8,10"], "TPM2_PCR_Read");
    const values = items(find(pcrs.parameters, "pcrValues")).map(
      (value) => `0x${hexOf(value)?.toUpperCase()}`,
    );
    expect(values).toEqual([0, 8, 10].map((pcr) => pcrs.yaml.get(`sha256.${pcr}`)));
    expect(new Set(values).size).toBe(3);
  });

  it("of attestations is what we decode", async () => {
    const kinds = new Set<string>();
    for (const entry of tpm.entries) {
      const [, response] = decoded(entry);
      const attest = parametersOf(response).find((field) => field.type === "TPM2B_ATTEST")?.children?.[1];
      if (!attest) continue;
      kinds.add(find(attest.children, "type")!.text);
      writeFileSync(join(tpm.directory, "attest.bin"), bytesOf(entry, attest));
      const yaml = scalars(await print("TPMS_ATTEST", "attest.bin"));
      expectAttest(yaml, attest);
    }
    expect([...kinds].sort()).toEqual(
      ["CERTIFY", "COMMAND_AUDIT", "CREATION", "NV", "QUOTE", "SESSION_AUDIT", "TIME"].map(
        (kind) => `TPM_ST_ATTEST_${kind}`,
      ),
    );
  });
});

/** tpm2_print's output; it ends with an error after the header of attestations other than quotes. */
async function print(type: string, file: string): Promise<string> {
  try {
    return (await tpm.tool("tpm2_print", ["-t", type, file])).toString();
  } catch (error) {
    if (!/unsupported type/.test((error as Error).message)) throw error;
    const { stdout } = await run("bash", ["-c", `tpm2_print -t ${type} ${file} 2>/dev/null || true`], {
      cwd: tpm.directory,
    });
    return stdout;
  }
}

function expectAttest(yaml: Map<string, string>, attest: Field): void {
  const at = (...path: string[]) => find(attest.children, ...path);
  expect(yaml.get("magic")).toBe(Number(at("magic")?.value).toString(16));
  expect(yaml.get("type")).toBe(Number(at("type")?.value).toString(16));
  const signer = at("qualifiedSigner", "name")!;
  const digest = hexOf(signer.children?.[1]) ?? "";
  const handle = signer.children?.[0]?.value as number;
  expect(yaml.get("qualifiedSigner")).toBe(
    digest ? handle.toString(16).padStart(4, "0") + digest : handle.toString(16).padStart(8, "0"),
  );
  expect(yaml.get("extraData") ?? "").toBe(hexOf(at("extraData")));
  for (const name of ["clock", "resetCount", "restartCount"]) {
    expect(at("clockInfo", name)?.text, name).toBe(yaml.get(`clockInfo.${name}`));
  }
  expect(at("clockInfo", "safe")?.value).toBe(Number(yaml.get("clockInfo.safe")));
  // tpm2_print writes the version's bytes in hex, last byte first.
  const version = BigInt(at("firmwareVersion")?.value as bigint)
    .toString(16)
    .padStart(16, "0");
  expect(yaml.get("firmwareVersion")).toBe(version.match(/../g)!.reverse().join(""));
  if (at("type")?.text !== "TPM_ST_ATTEST_QUOTE") return;
  expect(hexOf(at("attested", "pcrDigest"))).toBe(yaml.get("attested.quote.pcrDigest"));
  for (const [index, bank] of items(at("attested", "pcrSelect")).entries()) {
    const path = `attested.quote.pcrSelect.pcrSelections.${index}`;
    expect(hexOf(find(bank.children, "pcrSelect"))).toBe(yaml.get(`${path}.pcrSelect`));
    expect(find(bank.children, "hash")?.value).toBe(Number.parseInt(yaml.get(`${path}.hash`) ?? "", 10));
  }
}

function expectProperty(yaml: Map<string, string>, item: Field): void {
  const [property, value] = item.children as [Field, Field];
  const name = property.text.replace("TPM_", "TPM2_");
  if (property.value === 0x200 || property.value === 0x201) {
    for (const [bit, set] of Object.entries(bitsOf(value))) {
      const printedBit = yaml.get(`${name}.${bit}`);
      if (printedBit !== undefined) expect(Number(printedBit), `${name} ${bit}`).toBe(set);
    }
    expect(yaml.has(`${name}.${value.bits?.[0]?.name}`)).toBe(true);
    return;
  }
  // The tools of this version have no name for it.
  if (property.text === "TPM_PT_MAX_CAP_BUFFER") return;
  const raw = Number(yaml.get(`${name}.raw`) ?? yaml.get(name));
  const ours = value.value instanceof Uint8Array ? Number(`0x${toHex(value.value)}`) : value.value;
  expect(ours, name).toBe(raw);
  const words = yaml.get(`${name}.value`);
  if (words !== undefined) expect(value.text.replaceAll('"', "").trim(), name).toBe(words);
}

function expectPublic(yaml: Map<string, string>, parameters: Field[]): void {
  const area = find(parameters, "outPublic", "publicArea")?.children;
  const raw = (path: string) => (yaml.has(path) ? Number(yaml.get(path)) : undefined);
  expect(raw("type.raw")).toBe(find(area, "type")?.value);
  expect(raw("name-alg.raw")).toBe(find(area, "nameAlg")?.value);
  expect(raw("attributes.raw")).toBe(find(area, "objectAttributes")?.value);
  const set = yaml.get("attributes.value")?.split("|").sort();
  expect(find(area, "objectAttributes")?.text.toLowerCase().split(", ").sort()).toEqual(set);
  const name = find(parameters, "name", "name")?.children;
  expect(yaml.get("name")).toBe(`000b${hexOf(name?.[1])}`);
  const all = leaves(find(area, "parameters")?.children ?? []);
  const leafText = (leaf: string) => all.find((field) => field.name === leaf)?.value;
  const lastBits = all.findLast((field) => field.name === "keyBits")?.value;
  if (raw("curve-id.raw") !== undefined) expect(leafText("curveID")).toBe(raw("curve-id.raw"));
  if (raw("bits") !== undefined) expect(lastBits).toBe(raw("bits"));
  if (raw("sym-keybits")) expect(leafText("keyBits")).toBe(raw("sym-keybits"));
  if (raw("scheme-halg.raw")) expect(leafText("hashAlg")).toBe(raw("scheme-halg.raw"));
  const unique = find(area, "unique");
  for (const kind of ["rsa", "symcipher", "keyedhash"]) {
    if (yaml.has(kind)) expect(hexOf(unique)).toBe(yaml.get(kind));
  }
  for (const axis of ["x", "y"]) {
    if (yaml.has(axis)) expect(hexOf(find(unique?.children, axis))).toBe(yaml.get(axis));
  }
}

describe("tpm2_rc_decode", () => {
  // A process for each code.
  it("prints our text for each of the 4096 codes that a TPM can send", { timeout: 600_000 }, async () => {
    const codes = Array.from({ length: 0x1000 }, (_, code) => code);
    const script = `for code in ${codes.join(" ")}; do tpm2_rc_decode $code; done`;
    const { stdout } = await run("bash", ["-c", script], { maxBuffer: 1 << 24 });
    const theirs = stdout.trimEnd().split("\n");
    expect(theirs).toHaveLength(codes.length);
    // For numbers that the specification leaves out, tpm2_rc_decode prints a null pointer.
    const nameless = codes.filter((code) => theirs[code]?.endsWith(":(null)"));
    const named = codes.filter((code) => !theirs[code]?.endsWith(":(null)"));
    const differing = named.filter((code) => theirs[code] !== `tpm:${responseCodeText(code)}`);
    // Nine names are newer than the tool: it prints only the number.
    const newer = new Set(differing.map((code) => responseCodeParts(code).name?.replace("TPM_RC_", "")));
    expect([...newer].sort()).toEqual(
      "CHANNEL CHANNEL_KEY EXT_MU FW_LIMITED ONE_SHOT_SIGNATURE PARMS READ_ONLY SIGN_CONTEXT_KEY SVN_LIMITED".split(
        " ",
      ),
    );
    expect(differing.every((code) => /unknown error num|^tpm:0x\w+$/.test(theirs[code] ?? ""))).toBe(true);
    expect(named.length).toBeGreaterThan(3800);
    expect(nameless.filter((code) => responseCodeParts(code).name !== undefined)).toEqual([]);
    expect(nameless.every((code) => responseCodeText(code).includes("unknown error num"))).toBe(true);
  });
});
