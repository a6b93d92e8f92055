/** What a form for a command is filled with at first: values with which the TPM answers something worth seeing. */
import type { CommandName } from "../../../protocol/tpm2/command-codes.ts";
import type { CommandValues } from "../../../protocol/tpm2/encode.ts";
import type { Value } from "../../../protocol/tpm2/encode-type.ts";
import type { FieldSpec } from "../../../protocol/tpm2/schema.ts";
import type { OrdinalName } from "../../../protocol/tpm2/tpm12/ordinals.ts";

export type FormValues = { [field: string]: Value };

const SELECTION = [{ hash: "TPM_ALG_SHA256", pcrSelect: "0-7" }];
const ECC_STORAGE_KEY = {
  publicArea: {
    type: "TPM_ALG_ECC",
    nameAlg: "TPM_ALG_SHA256",
    objectAttributes: "fixedTPM|fixedParent|sensitiveDataOrigin|userWithAuth|restricted|decrypt",
    authPolicy: "",
    parameters: {
      symmetric: { algorithm: "TPM_ALG_AES", keyBits: "128", mode: "TPM_ALG_CFB" },
      scheme: { scheme: "TPM_ALG_NULL" },
      curveID: "TPM_ECC_NIST_P256",
      kdf: { scheme: "TPM_ALG_NULL" },
    },
    unique: { x: "", y: "" },
  },
};

/** By command; what is not here begins with zeros, empty bytes and TPM_ALG_NULL. */
export const FORM_DEFAULTS: { readonly [K in CommandName]?: CommandValues } = {
  Startup: { parameters: { startupType: "TPM_SU_CLEAR" } },
  SelfTest: { parameters: { fullTest: "1" } },
  GetRandom: { parameters: { bytesRequested: "16" } },
  StirRandom: { parameters: { inData: '"stir"' } },
  Hash: { parameters: { data: '"hello"', hashAlg: "TPM_ALG_SHA256", hierarchy: "TPM_RH_NULL" } },
  GetCapability: {
    parameters: { capability: "TPM_CAP_TPM_PROPERTIES", property: "0x100", propertyCount: "16" },
  },
  PCR_Read: { parameters: { pcrSelectionIn: SELECTION } },
  PCR_Extend: {
    handles: { pcrHandle: "16" },
    parameters: { digests: [{ hashAlg: "TPM_ALG_SHA256", digest: "00".repeat(32) }] },
  },
  PCR_Event: { handles: { pcrHandle: "16" }, parameters: { eventData: '"hello"' } },
  PCR_Reset: { handles: { pcrHandle: "16" } },
  CreatePrimary: {
    handles: { primaryHandle: "TPM_RH_OWNER" },
    parameters: { inSensitive: { userAuth: "", data: "" }, inPublic: ECC_STORAGE_KEY.publicArea },
  },
  FlushContext: { parameters: { flushHandle: "0x80000000" } },
  ReadPublic: { handles: { objectHandle: "0x80000000" } },
  NV_ReadPublic: { handles: { nvIndex: "0x01500000" } },
  StartAuthSession: {
    handles: { tpmKey: "TPM_RH_NULL", bind: "TPM_RH_NULL" },
    parameters: {
      nonceCaller: "00".repeat(16),
      sessionType: "TPM_SE_TRIAL",
      symmetric: { algorithm: "TPM_ALG_NULL" },
      authHash: "TPM_ALG_SHA256",
    },
  },
  TestParms: { parameters: { parameters: { type: "TPM_ALG_ECC" } } },
};

/** Parameters of TPM 1.2 commands, likewise. */
export const FORM_DEFAULTS12: { readonly [K in OrdinalName]?: FormValues } = {
  Startup: { startupType: "TPM_ST_CLEAR" },
  GetRandom: { bytesRequested: "16" },
  StirRandom: { inData: '"stir"' },
  PCRRead: { pcrIndex: "0" },
  Extend: { pcrNum: "16", inDigest: "00".repeat(20) },
  PCR_Reset: { pcrSelection: "16" },
  SHA1Complete: { hashData: '"hello"' },
  SHA1CompleteExtend: { pcrNum: "16", hashData: '"hello"' },
  GetCapability: { capArea: "TPM_CAP_PROPERTY", subCap: "TPM_CAP_PROP_MANUFACTURER" },
};

/** A value to begin with for a field that has none: text for numbers and bytes, records and lists for the rest. */
export function firstValue({ type, name }: FieldSpec): Value {
  switch (type.kind) {
    case "struct":
      return {};
    case "list":
      return [];
    case "sized":
      return null;
    case "constant":
      return /_RH_|Handle|DH_/.test(type.name) || /[hH]andle/.test(name) ? "0" : "";
    default:
      return "";
  }
}
