/** Objects: public and private areas, templates, credentials, creation data (Part 2, sections 12 and 15). */
import { alternatives, buffer, f, fixedBytes, sized, struct, union } from "../schema.ts";
import {
  TPM2B_ECC_PARAMETER,
  TPM2B_PRIVATE_KEY_RSA,
  TPM2B_PUBLIC_KEY_RSA,
  TPM2B_SENSITIVE_DATA,
  TPMS_DERIVE,
  TPMS_ECC_POINT,
  TPMU_PUBLIC_PARMS,
} from "./algorithm-parameters.ts";
import { TPMA_LOCALITY, TPMA_OBJECT } from "./attributes.ts";
import { TPM2B_AUTH, TPM2B_DATA, TPM2B_DIGEST, TPM2B_NAME, TPML_PCR_SELECTION } from "./basic.ts";
import { TPM_ALG_ID, TPMI_ALG_HASH, TPMI_ALG_PUBLIC } from "./integers.ts";
import {
  TPM2B_PRIVATE_KEY_MLDSA,
  TPM2B_PRIVATE_KEY_MLKEM,
  TPM2B_PUBLIC_KEY_MLDSA,
  TPM2B_PUBLIC_KEY_MLKEM,
} from "./post-quantum.ts";
import { byAlgorithm, TPM2B_SYM_KEY } from "./symmetric.ts";

const TPMU_PUBLIC_ID = union(
  "TPMU_PUBLIC_ID",
  "Part 2, 12.2.3.2",
  "what makes this object unlike others: the public key, or a digest of the secret",
  byAlgorithm({
    KEYEDHASH: TPM2B_DIGEST,
    SYMCIPHER: TPM2B_DIGEST,
    RSA: TPM2B_PUBLIC_KEY_RSA,
    ECC: TPMS_ECC_POINT,
    MLDSA: TPM2B_PUBLIC_KEY_MLDSA,
    HASH_MLDSA: TPM2B_PUBLIC_KEY_MLDSA,
    MLKEM: TPM2B_PUBLIC_KEY_MLKEM,
  }),
);

export const TPMT_PUBLIC_PARMS = struct(
  "TPMT_PUBLIC_PARMS",
  "Part 2, 12.2.3.8",
  "parameters of a kind of object",
  [
    f("type", TPMI_ALG_PUBLIC, "the kind of object"),
    f("parameters", TPMU_PUBLIC_PARMS, "its parameters", "type"),
  ],
);

const PUBLIC_START = [
  f("type", TPMI_ALG_PUBLIC, "the kind of object"),
  f("nameAlg", TPMI_ALG_HASH, "the hash that makes the object's name"),
  f("objectAttributes", TPMA_OBJECT, "what it may be used for"),
  f("authPolicy", TPM2B_DIGEST, "the policy that authorizes its use; empty for none"),
  f("parameters", TPMU_PUBLIC_PARMS, "parameters of its kind", "type"),
];

export const TPMT_PUBLIC = struct("TPMT_PUBLIC", "Part 2, 12.2.4", "all of an object that is no secret", [
  ...PUBLIC_START,
  f("unique", TPMU_PUBLIC_ID, "the public key, or a digest of the secret", "type"),
]);
/** The template of a derived object has label and context where others have the unique value. */
const TPMT_PUBLIC_DERIVED = struct("TPMT_PUBLIC", "Part 2, 12.2.4", "the template of a derived object", [
  ...PUBLIC_START,
  f("unique", TPMS_DERIVE, "label and context of the derivation"),
]);

export const TPM2B_PUBLIC = sized(
  "TPM2B_PUBLIC",
  "publicArea",
  TPMT_PUBLIC,
  "Part 2, 12.2.5",
  "a public area",
);
export const TPM2B_TEMPLATE = sized(
  "TPM2B_TEMPLATE",
  "template",
  alternatives("TPMT_PUBLIC or derived", "Part 2, 12.2.6", "a template", [
    TPMT_PUBLIC,
    TPMT_PUBLIC_DERIVED,
    fixedBytes("BYTE[]", "rest", "bytes that are no template"),
  ]),
  "Part 2, 12.2.6",
  "the public area that a new object is to have",
);

const TPMU_SENSITIVE_COMPOSITE = union(
  "TPMU_SENSITIVE_COMPOSITE",
  "Part 2, 12.3.2.3",
  "the secret itself",
  byAlgorithm({
    RSA: TPM2B_PRIVATE_KEY_RSA,
    ECC: TPM2B_ECC_PARAMETER,
    MLDSA: TPM2B_PRIVATE_KEY_MLDSA,
    HASH_MLDSA: TPM2B_PRIVATE_KEY_MLDSA,
    MLKEM: TPM2B_PRIVATE_KEY_MLKEM,
    KEYEDHASH: TPM2B_SENSITIVE_DATA,
    SYMCIPHER: TPM2B_SYM_KEY,
  }),
);
const TPMT_SENSITIVE = struct("TPMT_SENSITIVE", "Part 2, 12.3.2.4", "all of an object that is secret", [
  f("sensitiveType", TPMI_ALG_PUBLIC, "the kind of object"),
  f("authValue", TPM2B_AUTH, "its password"),
  f("seedValue", TPM2B_DIGEST, "for a parent: the seed of its children's keys; else what hides the secret"),
  f("sensitive", TPMU_SENSITIVE_COMPOSITE, "the private key or the data", "sensitiveType"),
]);
export const TPM2B_SENSITIVE = sized(
  "TPM2B_SENSITIVE",
  "sensitiveArea",
  TPMT_SENSITIVE,
  "Part 2, 12.3.2.5",
  "a sensitive area in the clear",
);

export const TPM2B_PRIVATE = buffer(
  "TPM2B_PRIVATE",
  "Part 2, 12.3.7",
  "a sensitive area that only its parent's TPM can open",
);

const TPMS_ID_OBJECT = struct("TPMS_ID_OBJECT", "Part 2, 12.4.2", "a protected credential", [
  f("integrityHMAC", TPM2B_DIGEST, "guards against changes"),
  f("encIdentity", fixedBytes("BYTE[]", "rest", "ciphertext"), "the encrypted credential"),
]);
export const TPM2B_ID_OBJECT = sized(
  "TPM2B_ID_OBJECT",
  "credential",
  TPMS_ID_OBJECT,
  "Part 2, 12.4.3",
  "a credential that only one TPM can open",
);

const TPMS_CREATION_DATA = struct("TPMS_CREATION_DATA", "Part 2, 15.1", "how an object came to be", [
  f("pcrSelect", TPML_PCR_SELECTION, "PCRs that were noted"),
  f("pcrDigest", TPM2B_DIGEST, "digest of their values"),
  f("locality", TPMA_LOCALITY, "the locality of the command"),
  f("parentNameAlg", TPM_ALG_ID, "name algorithm of the parent"),
  f("parentName", TPM2B_NAME, "name of the parent"),
  f("parentQualifiedName", TPM2B_NAME, "name of the parent with all its ancestors"),
  f("outsideInfo", TPM2B_DATA, "data from the caller"),
]);
export const TPM2B_CREATION_DATA = sized(
  "TPM2B_CREATION_DATA",
  "creationData",
  TPMS_CREATION_DATA,
  "Part 2, 15.2",
  "how an object came to be",
);
