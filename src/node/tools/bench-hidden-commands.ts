/** The TPM 2.0 commands that the benchmark of the hidden machine runs, and what their answers give for the next ones. */
import { ByteReader } from "../../protocol/bytes/reader.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { TPM_ST_NO_SESSIONS, TPM_ST_SESSIONS, withHeader } from "../../protocol/tpm2/build.ts";

/** TPM 2.0 Library, Part 2: constants of the commands below. */
const TPM2_CC = { CreatePrimary: 0x131, Sign: 0x15d, FlushContext: 0x165 };
const TPM_ALG = { RSA: 0x0001, SHA256: 0x000b, NULL: 0x0010, RSASSA: 0x0014, ECDSA: 0x0018, ECC: 0x0023 };
const TPM_ECC_NIST_P256 = 0x0003;
const TPM_RH_OWNER = 0x4000_0001;
const TPM_RH_NULL = 0x4000_0007;
const TPM_RS_PW = 0x4000_0009;
const TPM_ST_HASHCHECK = 0x8024;
/** fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, sign. */
const SIGNING_KEY = 0x0004_0072;

export type KeyType = "ecc" | "rsa";

/** The empty password, as an authorization area. */
const password = (writer: ByteWriter) => writer.u32be(9).u32be(TPM_RS_PW).u16be(0).u8(0).u16be(0);

/**
 * TPM2_CreatePrimary of a signing key, ECC P-256 or RSA 2048.
 * @param variant another key for each number.
 */
export function TPM2_CreatePrimary(type: KeyType, variant: number): Uint8Array {
  const template = new ByteWriter()
    .u16be(TPM_ALG[type === "ecc" ? "ECC" : "RSA"])
    .u16be(TPM_ALG.SHA256)
    .u32be(SIGNING_KEY)
    .u16be(0)
    .u16be(TPM_ALG.NULL)
    .u16be(TPM_ALG.NULL);
  if (type === "ecc") template.u16be(TPM_ECC_NIST_P256).u16be(TPM_ALG.NULL);
  else template.u16be(2048).u32be(0);
  // The unique field goes into the key's derivation.
  template.u16be(4).u32be(variant);
  if (type === "ecc") template.u16be(0);
  const bytes = template.finish();
  const body = password(new ByteWriter().u32be(TPM_RH_OWNER)).u16be(4).u16be(0).u16be(0);
  body.u16be(bytes.length).bytes(bytes).u16be(0).u32be(0);
  return withHeader(TPM_ST_SESSIONS, TPM2_CC.CreatePrimary, body);
}

/** TPM2_Sign of a SHA-256 digest with such a key. */
export function TPM2_Sign(type: KeyType, handle: number, digest: Uint8Array): Uint8Array {
  const body = password(new ByteWriter().u32be(handle)).u16be(digest.length).bytes(digest);
  body.u16be(TPM_ALG[type === "ecc" ? "ECDSA" : "RSASSA"]).u16be(TPM_ALG.SHA256);
  body.u16be(TPM_ST_HASHCHECK).u32be(TPM_RH_NULL).u16be(0);
  return withHeader(TPM_ST_SESSIONS, TPM2_CC.Sign, body);
}

export function TPM2_FlushContext(handle: number): Uint8Array {
  return withHeader(TPM_ST_NO_SESSIONS, TPM2_CC.FlushContext, new ByteWriter().u32be(handle));
}

/** The handle in TPM2_CreatePrimary's answer. */
export function createdHandle(response: Uint8Array): number {
  return new ByteReader(response.subarray(10)).u32be();
}
