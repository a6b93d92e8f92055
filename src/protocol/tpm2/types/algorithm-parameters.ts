/** Parameters of algorithms: asymmetric, signatures, schemes (Part 2, section 11). */
import {
  alternatives,
  buffer,
  type Definition,
  f,
  fixedBytes,
  sized,
  struct,
  uint,
  union,
} from "../schema.ts";
import { TPM2B_AUTH, TPMT_HA } from "./basic.ts";
import { TPMI_ECC_CURVE } from "./constants.ts";
import {
  TPM_KEY_BITS,
  TPMI_ALG_ECC_SCHEME,
  TPMI_ALG_HASH,
  TPMI_ALG_KDF,
  TPMI_ALG_KEYEDHASH_SCHEME,
  TPMI_ALG_RSA_DECRYPT,
  TPMI_ALG_RSA_SCHEME,
  TPMI_ALG_SIG_SCHEME,
  TPMI_YES_NO,
  UINT16,
} from "./integers.ts";
import {
  TPM2B_SIGNATURE_EDDSA,
  TPM2B_SIGNATURE_MLDSA,
  TPMI_MLDSA_PARMS,
  TPMI_MLKEM_PARMS,
  TPMS_SIGNATURE_HASH_MLDSA,
} from "./post-quantum.ts";
import { byAlgorithm, TPMS_SYMCIPHER_PARMS, TPMT_SYM_DEF_OBJECT } from "./symmetric.ts";

const TPM2B_LABEL = buffer("TPM2B_LABEL", "Part 2, 11.1.10", "a label of a derivation");
export const TPMS_DERIVE = struct("TPMS_DERIVE", "Part 2, 11.1.11", "the inputs of a derived object", [
  f("label", TPM2B_LABEL, "the use"),
  f("context", TPM2B_LABEL, "the instance"),
]);
export const TPM2B_SENSITIVE_DATA = buffer("TPM2B_SENSITIVE_DATA", "Part 2, 11.1.14", "secret data or a key");

/** TPMS_SENSITIVE_CREATE is only ever sent inside a TPM2B. */
const TPMS_SENSITIVE_CREATE = struct("TPMS_SENSITIVE_CREATE", "Part 2, 11.1.15", "secrets for a new object", [
  f("userAuth", TPM2B_AUTH, "the new object's password"),
  f("data", TPM2B_SENSITIVE_DATA, "the data to seal, or a key from outside; empty when the TPM makes it"),
]);
export const TPM2B_SENSITIVE_CREATE = sized(
  "TPM2B_SENSITIVE_CREATE",
  "sensitive",
  TPMS_SENSITIVE_CREATE,
  "Part 2, 11.1.16",
  "secrets for a new object",
);

const TPMS_SCHEME_HASH = struct("TPMS_SCHEME_HASH", "Part 2, 11.1.17", "a scheme that needs a hash", [
  f("hashAlg", TPMI_ALG_HASH, "the hash"),
]);
const TPMS_SCHEME_ECDAA = struct("TPMS_SCHEME_ECDAA", "Part 2, 11.1.18", "an anonymous signature", [
  f("hashAlg", TPMI_ALG_HASH, "the hash"),
  f("count", UINT16, "the counter that TPM2_Commit gave"),
]);
const TPMS_SCHEME_XOR = struct("TPMS_SCHEME_XOR", "Part 2, 11.1.21", "obfuscation by XOR", [
  f("hashAlg", TPMI_ALG_HASH, "the hash of the key derivation"),
  f("kdf", TPMI_ALG_KDF, "the key derivation"),
]);

const TPMU_SCHEME_KEYEDHASH = union(
  "TPMU_SCHEME_KEYEDHASH",
  "Part 2, 11.1.22",
  "details of HMAC or XOR",
  byAlgorithm({ HMAC: TPMS_SCHEME_HASH, XOR: TPMS_SCHEME_XOR, NULL: null }),
);
const TPMT_KEYEDHASH_SCHEME = struct("TPMT_KEYEDHASH_SCHEME", "Part 2, 11.1.23", "what a keyed hash does", [
  f("scheme", TPMI_ALG_KEYEDHASH_SCHEME, "HMAC, XOR, or none"),
  f("details", TPMU_SCHEME_KEYEDHASH, "its hash", "scheme"),
]);

/** Not ML-DSA: its keys fix all there is to choose, so that the scheme beside them is none. */
const SIGNING = {
  RSASSA: TPMS_SCHEME_HASH,
  RSAPSS: TPMS_SCHEME_HASH,
  ECDSA: TPMS_SCHEME_HASH,
  SM2: TPMS_SCHEME_HASH,
  ECSCHNORR: TPMS_SCHEME_HASH,
  EDDSA: null,
  HASH_EDDSA: null,
  ECDAA: TPMS_SCHEME_ECDAA,
} as const;

const TPMU_SIG_SCHEME = union(
  "TPMU_SIG_SCHEME",
  "Part 2, 11.2.1.4",
  "details of a signing scheme",
  byAlgorithm({ ...SIGNING, HMAC: TPMS_SCHEME_HASH, NULL: null }),
);
export const TPMT_SIG_SCHEME = struct("TPMT_SIG_SCHEME", "Part 2, 11.2.1.5", "how to sign", [
  f("scheme", TPMI_ALG_SIG_SCHEME, "the signing scheme; none for the key's own"),
  f("details", TPMU_SIG_SCHEME, "its hash", "scheme"),
]);

const TPMU_KDF_SCHEME = union(
  "TPMU_KDF_SCHEME",
  "Part 2, 11.2.3.2",
  "details of a key derivation",
  byAlgorithm({
    MGF1: TPMS_SCHEME_HASH,
    HKDF: TPMS_SCHEME_HASH,
    KDF1_SP800_56A: TPMS_SCHEME_HASH,
    KDF2: TPMS_SCHEME_HASH,
    KDF1_SP800_108: TPMS_SCHEME_HASH,
    NULL: null,
  }),
);
export const TPMT_KDF_SCHEME = struct("TPMT_KDF_SCHEME", "Part 2, 11.2.3.3", "how keys are derived", [
  f("scheme", TPMI_ALG_KDF, "the key derivation, or none"),
  f("details", TPMU_KDF_SCHEME, "its hash", "scheme"),
]);

const TPMU_ASYM_SCHEME = union(
  "TPMU_ASYM_SCHEME",
  "Part 2, 11.2.3.5",
  "details of a scheme",
  byAlgorithm({
    ...SIGNING,
    ECDH: TPMS_SCHEME_HASH,
    ECMQV: TPMS_SCHEME_HASH,
    OAEP: TPMS_SCHEME_HASH,
    RSAES: null,
    NULL: null,
  }),
);
const scheme = (name: string, spec: string, meaning: string, selector: Definition) =>
  struct(name, spec, meaning, [
    f("scheme", selector, "the scheme; none to leave it open"),
    f("details", TPMU_ASYM_SCHEME, "its hash", "scheme"),
  ]);
const TPMT_RSA_SCHEME = scheme(
  "TPMT_RSA_SCHEME",
  "Part 2, 11.2.4.2",
  "what an RSA key does",
  TPMI_ALG_RSA_SCHEME,
);
export const TPMT_RSA_DECRYPT = scheme(
  "TPMT_RSA_DECRYPT",
  "Part 2, 11.2.4.4",
  "how RSA encryption pads",
  TPMI_ALG_RSA_DECRYPT,
);
const TPMT_ECC_SCHEME = scheme(
  "TPMT_ECC_SCHEME",
  "Part 2, 11.2.5.6",
  "what an elliptic-curve key does",
  TPMI_ALG_ECC_SCHEME,
);

export const TPM2B_PUBLIC_KEY_RSA = buffer(
  "TPM2B_PUBLIC_KEY_RSA",
  "Part 2, 11.2.4.5",
  "an RSA modulus or ciphertext",
);
export const TPM2B_PRIVATE_KEY_RSA = buffer(
  "TPM2B_PRIVATE_KEY_RSA",
  "Part 2, 11.2.4.7",
  "a prime of an RSA key",
);
export const TPM2B_ECC_PARAMETER = buffer(
  "TPM2B_ECC_PARAMETER",
  "Part 2, 11.2.5.1",
  "a number of a curve's size",
);
export const TPMS_ECC_POINT = struct("TPMS_ECC_POINT", "Part 2, 11.2.5.2", "a point on an elliptic curve", [
  f("x", TPM2B_ECC_PARAMETER, "the X coordinate"),
  f("y", TPM2B_ECC_PARAMETER, "the Y coordinate"),
]);
export const TPM2B_ECC_POINT = sized(
  "TPM2B_ECC_POINT",
  "point",
  TPMS_ECC_POINT,
  "Part 2, 11.2.5.3",
  "a point on an elliptic curve",
);

export const TPMS_ALGORITHM_DETAIL_ECC = struct(
  "TPMS_ALGORITHM_DETAIL_ECC",
  "Part 2, 11.2.5.7",
  "the numbers of an elliptic curve",
  [
    f("curveID", TPMI_ECC_CURVE, "the curve"),
    f("keySize", TPM_KEY_BITS, "bits of a key"),
    f("kdf", TPMT_KDF_SCHEME, "the key derivation that belongs to it"),
    f("sign", TPMT_ECC_SCHEME, "the signing scheme that belongs to it"),
    f("p", TPM2B_ECC_PARAMETER, "the prime of the field"),
    f("a", TPM2B_ECC_PARAMETER, "coefficient a"),
    f("b", TPM2B_ECC_PARAMETER, "coefficient b"),
    f("gX", TPM2B_ECC_PARAMETER, "X of the base point"),
    f("gY", TPM2B_ECC_PARAMETER, "Y of the base point"),
    f("n", TPM2B_ECC_PARAMETER, "order of the base point"),
    f("h", TPM2B_ECC_PARAMETER, "the cofactor"),
  ],
);

const TPMS_SIGNATURE_RSA = struct("TPMS_SIGNATURE_RSA", "Part 2, 11.3.1", "an RSA signature", [
  f("hash", TPMI_ALG_HASH, "the hash that was signed"),
  f("sig", TPM2B_PUBLIC_KEY_RSA, "the signature"),
]);
const TPMS_SIGNATURE_ECC = struct("TPMS_SIGNATURE_ECC", "Part 2, 11.3.2", "an elliptic-curve signature", [
  f("hash", TPMI_ALG_HASH, "the hash that was signed"),
  f("signatureR", TPM2B_ECC_PARAMETER, "the number r"),
  f("signatureS", TPM2B_ECC_PARAMETER, "the number s"),
]);
const TPMU_SIGNATURE = union(
  "TPMU_SIGNATURE",
  "Part 2, 11.3.3",
  "a signature",
  byAlgorithm({
    RSASSA: TPMS_SIGNATURE_RSA,
    RSAPSS: TPMS_SIGNATURE_RSA,
    ECDSA: TPMS_SIGNATURE_ECC,
    ECDAA: TPMS_SIGNATURE_ECC,
    SM2: TPMS_SIGNATURE_ECC,
    ECSCHNORR: TPMS_SIGNATURE_ECC,
    EDDSA: TPM2B_SIGNATURE_EDDSA,
    HASH_EDDSA: TPM2B_SIGNATURE_EDDSA,
    MLDSA: TPM2B_SIGNATURE_MLDSA,
    HASH_MLDSA: TPMS_SIGNATURE_HASH_MLDSA,
    HMAC: TPMT_HA,
    NULL: null,
  }),
);
export const TPMT_SIGNATURE = struct("TPMT_SIGNATURE", "Part 2, 11.3.4", "a signature with its scheme", [
  f("sigAlg", TPMI_ALG_SIG_SCHEME, "the signing scheme"),
  f("signature", TPMU_SIGNATURE, "the signature", "sigAlg"),
]);

/** A secret for the TPM: a point when an elliptic-curve key protects it, else ciphertext. */
export const TPM2B_ENCRYPTED_SECRET = sized(
  "TPM2B_ENCRYPTED_SECRET",
  "secret",
  alternatives("TPMU_ENCRYPTED_SECRET", "Part 2, 11.4.2", "a secret for the holder of a key", [
    TPMS_ECC_POINT,
    fixedBytes("BYTE[]", "rest", "ciphertext"),
  ]),
  "Part 2, 11.4.3",
  "a secret that only the holder of a key can open",
);

const TPMS_KEYEDHASH_PARMS = struct(
  "TPMS_KEYEDHASH_PARMS",
  "Part 2, 12.2.3.3",
  "an HMAC key or sealed data",
  [f("scheme", TPMT_KEYEDHASH_SCHEME, "HMAC, XOR; none for sealed data")],
);
const RSA_EXPONENT = uint("UINT32", 4, "an RSA exponent; 0 stands for 65537", (e) =>
  e === 0 ? "0 (65537)" : `${e}`,
);
const TPMS_RSA_PARMS = struct("TPMS_RSA_PARMS", "Part 2, 12.2.3.5", "an RSA key", [
  f("symmetric", TPMT_SYM_DEF_OBJECT, "for a parent: how it protects its children"),
  f("scheme", TPMT_RSA_SCHEME, "what the key does"),
  f("keyBits", TPM_KEY_BITS, "bits of the modulus"),
  f("exponent", RSA_EXPONENT, "the public exponent"),
]);
const TPMS_ECC_PARMS = struct("TPMS_ECC_PARMS", "Part 2, 12.2.3.6", "an elliptic-curve key", [
  f("symmetric", TPMT_SYM_DEF_OBJECT, "for a parent: how it protects its children"),
  f("scheme", TPMT_ECC_SCHEME, "what the key does"),
  f("curveID", TPMI_ECC_CURVE, "the curve"),
  f("kdf", TPMT_KDF_SCHEME, "the key derivation"),
]);
const TPMS_MLDSA_PARMS = struct("TPMS_MLDSA_PARMS", "Part 2, 12.2.3", "an ML-DSA key", [
  f("parameterSet", TPMI_MLDSA_PARMS, "how strong it is"),
  f("allowExternalMu", TPMI_YES_NO, "whether it signs a message representative (mu) from outside"),
]);
const TPMS_HASH_MLDSA_PARMS = struct(
  "TPMS_HASH_MLDSA_PARMS",
  "Part 2, 12.2.3",
  "an ML-DSA key for prehashed messages",
  [f("parameterSet", TPMI_MLDSA_PARMS, "how strong it is"), f("hashAlg", TPMI_ALG_HASH, "the hash")],
);
const TPMS_MLKEM_PARMS = struct("TPMS_MLKEM_PARMS", "Part 2, 12.2.3", "an ML-KEM key", [
  f("symmetric", TPMT_SYM_DEF_OBJECT, "for a parent: how it protects its children"),
  f("parameterSet", TPMI_MLKEM_PARMS, "how strong it is"),
]);
export const TPMU_PUBLIC_PARMS = union(
  "TPMU_PUBLIC_PARMS",
  "Part 2, 12.2.3.7",
  "parameters by kind of object",
  byAlgorithm({
    KEYEDHASH: TPMS_KEYEDHASH_PARMS,
    SYMCIPHER: TPMS_SYMCIPHER_PARMS,
    RSA: TPMS_RSA_PARMS,
    ECC: TPMS_ECC_PARMS,
    MLDSA: TPMS_MLDSA_PARMS,
    HASH_MLDSA: TPMS_HASH_MLDSA_PARMS,
    MLKEM: TPMS_MLKEM_PARMS,
  }),
);
