/** Buffers, digests, names, PCR selections, tickets and lists (Part 2, sections 10.3 - 10.9). */
import { TPM_ALG } from "../algorithms.ts";
import { alias, alternatives, buffer, f, fixedBytes, list, sized, struct, union } from "../schema.ts";
import { TPM_CC, TPM_ECC_CURVE, TPM_ST } from "./constants.ts";
import { TPM_HANDLE, TPMI_RH_HIERARCHY } from "./handles.ts";
import { TPM_ALG_ID, TPMI_ALG_HASH } from "./integers.ts";

const DIGEST_CASES = Object.entries<{ id: number; digestSize?: number }>(TPM_ALG).flatMap(([key, row]) =>
  row.digestSize ? [[row.id, fixedBytes(`${key} digest`, row.digestSize, "the digest")] as const] : [],
);

const TPMU_HA = union("TPMU_HA", "Part 2, 10.3.1", "a digest, as long as its algorithm makes it", [
  ...DIGEST_CASES,
  [TPM_ALG.NULL.id, null],
]);

export const TPMT_HA = struct("TPMT_HA", "Part 2, 10.3.2", "a digest with its algorithm", [
  f("hashAlg", TPMI_ALG_HASH, "the hash algorithm"),
  f("digest", TPMU_HA, "the digest", "hashAlg"),
]);

export const TPM2B_DIGEST = buffer("TPM2B_DIGEST", "Part 2, 10.4.2", "a digest, its size first");
export const TPM2B_DATA = buffer("TPM2B_DATA", "Part 2, 10.4.3", "up to a digest's worth of data");
export const TPM2B_NONCE = buffer("TPM2B_NONCE", "Part 2, 10.4.4", "a random number used once");
export const TPM2B_AUTH = buffer("TPM2B_AUTH", "Part 2, 10.4.5", "an authorization value (password)");
export const TPM2B_OPERAND = buffer("TPM2B_OPERAND", "Part 2, 10.4.6", "a value to compare with");
export const TPM2B_EVENT = buffer("TPM2B_EVENT", "Part 2, 10.4.7", "data of an event, up to 1024 bytes");
export const TPM2B_MAX_BUFFER = buffer("TPM2B_MAX_BUFFER", "Part 2, 10.4.8", "data, up to 1024 bytes");
export const TPM2B_MAX_NV_BUFFER = buffer("TPM2B_MAX_NV_BUFFER", "Part 2, 10.4.9", "data of an NV index");
export const TPM2B_TIMEOUT = buffer("TPM2B_TIMEOUT", "Part 2, 10.4.10", "when an authorization ends");
export const TPM2B_IV = buffer("TPM2B_IV", "Part 2, 10.4.11", "an initial value of a block cipher");

const NAME_HANDLE = struct(
  "TPM_HANDLE",
  "Part 2, 10.5.2",
  "the name of what has no public area: its handle",
  [f("handle", alias(TPM_HANDLE, "TPM_HANDLE", "a handle"), "the handle")],
);

/** The name of an entity: a handle, or the hash of its public area. */
export const TPM2B_NAME = sized(
  "TPM2B_NAME",
  "name",
  alternatives("TPMU_NAME", "Part 2, 10.5.2", "a name", [
    NAME_HANDLE,
    TPMT_HA,
    fixedBytes("BYTE[]", "rest", "bytes that are no known form of a name"),
  ]),
  "Part 2, 10.5.3",
  "what is sure to identify an entity: a hash of its public area, or its handle",
);

export const TPMS_PCR_SELECT = buffer("TPMS_PCR_SELECT", "Part 2, 10.6.1", "a bit map of PCRs", 1, "pcrs");

const TPMS_PCR_SELECTION = struct("TPMS_PCR_SELECTION", "Part 2, 10.6.2", "PCRs of one bank", [
  f("hash", TPMI_ALG_HASH, "the bank"),
  f("pcrSelect", TPMS_PCR_SELECT, "a bit map: bit n of byte m is PCR 8m+n"),
]);

const TPM_ST_DIGEST_VERIFIED = 0x8027;

const ticket = (name: string, spec: string, meaning: string, hierarchy: string, digest: string) =>
  struct(name, spec, meaning, [
    f("tag", TPM_ST, "the kind of the ticket"),
    f("hierarchy", TPMI_RH_HIERARCHY, hierarchy),
    f("digest", TPM2B_DIGEST, digest),
  ]);

const PROOF = "an HMAC that only this TPM can make";

export const TPMT_TK_CREATION = ticket(
  "TPMT_TK_CREATION",
  "Part 2, 10.7.3",
  "proves that this TPM made an object",
  "the hierarchy of the object",
  PROOF,
);
const TPMU_TK_VERIFIED_META = union(
  "TPMU_TK_VERIFIED_META",
  "Part 2, 10.6.4",
  "what else was verified",
  [[TPM_ST_DIGEST_VERIFIED, TPM_ALG_ID]],
  null,
);
/** The last field was called digest before version 1.85. */
export const TPMT_TK_VERIFIED = struct(
  "TPMT_TK_VERIFIED",
  "Part 2, 10.7.4",
  "proves that this TPM has verified a signature",
  [
    f("tag", TPM_ST, "the kind of the ticket"),
    f("hierarchy", TPMI_RH_HIERARCHY, "the hierarchy of the key"),
    f("metadata", TPMU_TK_VERIFIED_META, "of a digest, the hash that made it", "tag"),
    f("hmac", TPM2B_DIGEST, PROOF),
  ],
);
export const TPMT_TK_AUTH = ticket(
  "TPMT_TK_AUTH",
  "Part 2, 10.7.5",
  "proves that an authorization was checked, to be shown again later",
  "the hierarchy of the authorizing object",
  PROOF,
);
export const TPMT_TK_HASHCHECK = ticket(
  "TPMT_TK_HASHCHECK",
  "Part 2, 10.7.6",
  "proves that this TPM made a digest, of data that do not look like a TPM's own",
  "the hierarchy",
  PROOF,
);

export const TPML_CC = list("TPML_CC", TPM_CC, "Part 2, 10.9.1", "commands");
export const TPML_ALG = list("TPML_ALG", TPM_ALG_ID, "Part 2, 10.9.3", "algorithms");
export const TPML_HANDLE = list("TPML_HANDLE", TPM_HANDLE, "Part 2, 10.9.4", "handles");
export const TPML_DIGEST = list("TPML_DIGEST", TPM2B_DIGEST, "Part 2, 10.9.5", "digests");
export const TPML_DIGEST_VALUES = list(
  "TPML_DIGEST_VALUES",
  TPMT_HA,
  "Part 2, 10.9.6",
  "digests, one a bank",
);
export const TPML_PCR_SELECTION = list(
  "TPML_PCR_SELECTION",
  TPMS_PCR_SELECTION,
  "Part 2, 10.9.7",
  "PCRs, by bank",
);
export const TPML_ECC_CURVE = list("TPML_ECC_CURVE", TPM_ECC_CURVE, "Part 2, 10.9.11", "elliptic curves");
