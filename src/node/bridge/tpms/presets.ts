/**
 * What a page may do with a TPM that is not its own, as lists of commands. Neither list lets it clear the TPM, change
 * its hierarchies, lockout, clock or PCR banks, keep anything in it, or touch NV indices but to read certificates.
 */
import type { CommandName } from "../../../protocol/tpm2/command-codes.ts";
import type { OrdinalName } from "../../../protocol/tpm2/tpm12/ordinals.ts";

export const PRESETS = ["attest", "use", "all"] as const;
export type Preset = (typeof PRESETS)[number];

/** Keys of the page's own, and what they say of this TPM: quotes, certificates, and all that leads there. */
export const ATTEST_2: readonly CommandName[] = [
  // Firmware and drivers begin with these.
  ...(["Startup", "SelfTest", "IncrementalSelfTest", "GetTestResult", "GetCapability"] as const),
  ...(["GetRandom", "StirRandom", "ReadClock", "GetTime", "TestParms", "ECC_Parameters"] as const),
  ...(["PCR_Read", "NV_ReadPublic", "NV_Read", "ReadPublic"] as const),
  ...([
    "CreatePrimary",
    "Create",
    "Load",
    "LoadExternal",
    "FlushContext",
    "ContextSave",
    "ContextLoad",
  ] as const),
  ...(["Quote", "Certify", "CertifyCreation", "CertifyX509", "Sign", "VerifySignature"] as const),
  ...(["ActivateCredential", "MakeCredential", "GetSessionAuditDigest"] as const),
  ...(["Hash", "HashSequenceStart", "SequenceUpdate", "SequenceComplete"] as const),
  ...(["StartAuthSession", "PolicyRestart", "PolicyGetDigest", "PolicySecret", "PolicySigned"] as const),
  ...(["PolicyOR", "PolicyPCR", "PolicyAuthValue", "PolicyPassword", "PolicyCommandCode"] as const),
  ...(["PolicyAuthorize", "PolicyTicket", "PolicyCpHash", "PolicyNameHash", "PolicyLocality"] as const),
  ...(["PolicyCounterTimer", "PolicyDuplicationSelect", "PolicyTemplate", "PolicyNvWritten"] as const),
];

/** Also secrets sealed to this TPM, and its keys at work; PCRs that are there for anybody. */
export const USE_2: readonly CommandName[] = [
  ...ATTEST_2,
  ...([
    "Unseal",
    "RSA_Encrypt",
    "RSA_Decrypt",
    "EncryptDecrypt",
    "EncryptDecrypt2",
    "HMAC",
    "HMAC_Start",
  ] as const),
  ...(["ECDH_KeyGen", "ECDH_ZGen", "ZGen_2Phase", "EC_Ephemeral", "Commit", "CreateLoaded"] as const),
  ...(["ObjectChangeAuth", "Import", "Duplicate", "Rewrap"] as const),
  ...(["PCR_Extend", "PCR_Event", "PCR_Reset"] as const),
];

export const ATTEST_12: readonly OrdinalName[] = [
  ...(["Startup", "SelfTestFull", "ContinueSelfTest", "GetTestResult", "GetCapability", "GetTicks"] as const),
  ...(["GetRandom", "StirRandom", "PCRRead", "ReadPubek", "GetPubKey"] as const),
  ...(["OIAP", "OSAP", "FlushSpecific", "Terminate_Handle", "LoadKey", "LoadKey2", "EvictKey"] as const),
  ...(["SaveContext", "LoadContext", "CreateWrapKey"] as const),
  ...(["Quote", "Quote2", "CertifyKey", "CertifyKey2", "Sign", "TickStampBlob"] as const),
];

export const USE_12: readonly OrdinalName[] = [
  ...ATTEST_12,
  ...(["Seal", "Sealx", "Unseal", "UnBind", "Extend", "PCR_Reset"] as const),
];
