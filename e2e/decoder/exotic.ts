/** Commands that tpm2-tools have no tool for, composed from the tables and sent with `tpm2_send`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandName } from "../../src/protocol/tpm2/command-codes.ts";
import { type CommandValues, encodeCommand } from "../../src/protocol/tpm2/encode.ts";
import { responseCode } from "../../src/protocol/tpm2/parse.ts";
import type { RecordingTpm } from "./recorder.ts";

const SIGNING_KEY = {
  type: "ECC",
  nameAlg: "SHA256",
  objectAttributes: "fixedTPM|fixedParent|sensitiveDataOrigin|userWithAuth|sign|x509sign",
  parameters: {
    symmetric: { algorithm: "NULL" },
    scheme: { scheme: "ECDSA", details: { hashAlg: "SHA256" } },
    curveID: "NIST_P256",
    kdf: { scheme: "NULL" },
  },
};
const CIPHER_KEY = {
  type: "SYMCIPHER",
  nameAlg: "SHA256",
  objectAttributes: "fixedTPM|fixedParent|sensitiveDataOrigin|userWithAuth|decrypt|sign",
  parameters: { sym: { algorithm: "AES", keyBits: 128, mode: "CFB" } },
};
const COUNTER = {
  nvIndex: 0x01500030,
  nameAlg: "SHA256",
  attributes: "OWNERWRITE|OWNERREAD|TPM_NT_COUNTER",
  dataSize: 8,
};
/** What steps before have made. */
interface Context {
  /** Handle of the session that was started last. */
  session: number;
  /** A certificate without the parts that the TPM adds (DER). */
  partialCertificate: Uint8Array;
}

/** Names the response code that is expected where it is not success. */
interface Step {
  command: CommandName;
  values?: CommandValues | ((context: Context) => CommandValues);
  code?: number;
}

const sequence = { sequenceHandle: 0x80000000 };
const platform = { authHandle: "PLATFORM" };
const TPM_RC_COMMAND_CODE = 0x143;
const TPM_RC_RETRY = 0x922;

const STEPS: readonly Step[] = [
  {
    command: "PP_Commands",
    values: { handles: { auth: "PLATFORM" }, parameters: { clearList: ["Clear"] } },
    code: 0x990,
  },
  {
    command: "PCR_SetAuthPolicy",
    values: { handles: platform, parameters: { hashAlg: "NULL", pcrNum: 20 } },
  },
  {
    command: "PCR_SetAuthValue",
    values: { handles: { pcrHandle: 20 }, parameters: { auth: '"secret"' } },
  },
  { command: "SetAlgorithmSet", values: { handles: platform, parameters: { algorithmSet: 0 } } },
  { command: "HashSequenceStart", values: { parameters: { hashAlg: "NULL" } } },
  { command: "SequenceUpdate", values: { handles: sequence, parameters: { buffer: '"an event in "' } } },
  {
    command: "EventSequenceComplete",
    values: { handles: { pcrHandle: 10, ...sequence }, parameters: { buffer: '"two pieces"' } },
  },
  {
    command: "StartAuthSession",
    values: {
      handles: { tpmKey: "NULL", bind: "NULL" },
      parameters: {
        nonceCaller: "00112233445566778899aabbccddeeff",
        sessionType: "POLICY",
        authHash: "SHA256",
      },
    },
  },
  { command: "PolicyPhysicalPresence", values: ({ session }) => ({ handles: { policySession: session } }) },
  { command: "PolicyRestart", values: ({ session }) => ({ handles: { sessionHandle: session } }) },
  {
    command: "Policy_AC_SendSelect",
    values: ({ session }) => ({
      handles: { policySession: session },
      parameters: { authHandleName: "40000001", acName: "90000000", includeObject: 0 },
    }),
    code: TPM_RC_COMMAND_CODE,
  },
  { command: "FlushContext", values: ({ session }) => ({ parameters: { flushHandle: session } }) },
  {
    command: "CreateLoaded",
    values: {
      handles: { parentHandle: "OWNER" },
      parameters: { inSensitive: { userAuth: "" }, inPublic: SIGNING_KEY },
    },
  },
  {
    command: "CertifyX509",
    values: ({ partialCertificate }) => ({
      handles: { objectHandle: 0x80000000, signHandle: 0x80000000 },
      parameters: { partialCertificate },
    }),
  },
  { command: "FlushContext", values: { parameters: { flushHandle: 0x80000000 } } },
  {
    command: "CreatePrimary",
    values: { handles: { primaryHandle: "OWNER" }, parameters: { inSensitive: {}, inPublic: CIPHER_KEY } },
  },
  {
    command: "EncryptDecrypt",
    values: {
      handles: { keyHandle: 0x80000000 },
      parameters: { ivIn: "00".repeat(16), inData: '"sixteen bytes..."' },
    },
  },
  { command: "FlushContext", values: { parameters: { flushHandle: 0x80000000 } } },
  {
    command: "NV_DefineSpace",
    values: { handles: { authHandle: "OWNER" }, parameters: { publicInfo: COUNTER } },
  },
  {
    command: "NV_ChangeAuth",
    values: { handles: { nvIndex: 0x01500030 }, parameters: { newAuth: '"new"' } },
    code: 0x124,
  },
  { command: "NV_UndefineSpace", values: { handles: { authHandle: "OWNER", nvIndex: 0x01500030 } } },
  {
    command: "Rewrap",
    values: { handles: { oldParent: "NULL", newParent: "NULL" }, parameters: { name: "000b" } },
  },
  { command: "GetCapability", values: { parameters: { capability: "PCR_PROPERTIES", propertyCount: 64 } } },
  {
    command: "GetCapability",
    values: { parameters: { capability: "AUTH_POLICIES", property: 0x40000000, propertyCount: 8 } },
  },
  { command: "GetCapability", values: { parameters: { capability: "PP_COMMANDS", propertyCount: 64 } } },
  { command: "GetCapability", values: { parameters: { capability: "AUDIT_COMMANDS", propertyCount: 64 } } },
  { command: "ACT_SetTimeout", values: { handles: { actHandle: 0x40000110 } }, code: TPM_RC_COMMAND_CODE },
  { command: "AC_GetCapability", values: { handles: { ac: 0x90000000 } }, code: TPM_RC_COMMAND_CODE },
  { command: "FirmwareRead", code: TPM_RC_COMMAND_CODE },
  { command: "FieldUpgradeData", code: TPM_RC_COMMAND_CODE },
  { command: "ECC_Encrypt", values: { handles: { keyHandle: 0x80000000 } }, code: TPM_RC_COMMAND_CODE },
  { command: "Vendor_TCG_Test", values: { parameters: { inputData: '"hello"' } }, code: TPM_RC_COMMAND_CODE },
];

/** Sends all of them. @returns those whose response code was not the expected one, as text. */
export async function sendExotic(tpm: RecordingTpm): Promise<string[]> {
  const surprises: string[] = [];
  await tpm.tool("tpm2_certifyX509certutil", ["-o", "partial.der", "-d", "30"]);
  const partialCertificate = Uint8Array.from(readFileSync(join(tpm.directory, "partial.der")));
  const context: Context = { session: 0, partialCertificate };
  for (const { command, values, code = 0 } of STEPS) {
    const bytes = encodeCommand(command, typeof values === "function" ? values(context) : values);
    let response = await send(tpm, bytes);
    if (responseCode(response) === TPM_RC_RETRY) response = await send(tpm, bytes);
    const got = responseCode(response);
    if (got !== code)
      surprises.push(`TPM2_${command}: 0x${got?.toString(16)} in place of 0x${code.toString(16)}`);
    if (command === "StartAuthSession") context.session = new DataView(response.buffer).getUint32(10);
  }
  return surprises;
}

async function send(tpm: RecordingTpm, command: Uint8Array): Promise<Uint8Array> {
  return Uint8Array.from(await tpm.tool("tpm2_send", [], command));
}
