/** Symmetric ciphers (Part 2, 11.1), and unions that an algorithm selects. */
import { type AlgorithmKey, TPM_ALG } from "../algorithms.ts";
import { buffer, type Definition, f, struct, union } from "../schema.ts";
import {
  TPM_KEY_BITS,
  TPMI_ALG_HASH,
  TPMI_ALG_SYM,
  TPMI_ALG_SYM_MODE,
  TPMI_ALG_SYM_OBJECT,
} from "./integers.ts";

/** Cases of a union by algorithm. */
export function byAlgorithm(
  cases: Partial<Record<AlgorithmKey, Definition | null>>,
): (readonly [number, Definition | null])[] {
  const entries = Object.entries(cases) as [AlgorithmKey, Definition | null][];
  return entries.map(([key, type]) => [TPM_ALG[key].id, type] as const);
}

const CIPHERS = ["AES", "SM4", "CAMELLIA", "TDES"] as const;
const forCiphers = (type: Definition) => byAlgorithm(Object.fromEntries(CIPHERS.map((key) => [key, type])));

const TPMU_SYM_KEY_BITS = union("TPMU_SYM_KEY_BITS", "Part 2, 11.1.3", "size of the key", [
  ...forCiphers(TPM_KEY_BITS),
  ...byAlgorithm({ XOR: TPMI_ALG_HASH, NULL: null }),
]);
const TPMU_SYM_MODE = union("TPMU_SYM_MODE", "Part 2, 11.1.4", "mode of the cipher", [
  ...forCiphers(TPMI_ALG_SYM_MODE),
  ...byAlgorithm({ XOR: null, NULL: null }),
]);

export const TPMT_SYM_DEF = struct("TPMT_SYM_DEF", "Part 2, 11.1.6", "a symmetric algorithm, for sessions", [
  f("algorithm", TPMI_ALG_SYM, "the algorithm, or none"),
  f("keyBits", TPMU_SYM_KEY_BITS, "bits of the key; for XOR, the hash", "algorithm"),
  f("mode", TPMU_SYM_MODE, "the mode of the cipher", "algorithm"),
]);
export const TPMT_SYM_DEF_OBJECT = struct(
  "TPMT_SYM_DEF_OBJECT",
  "Part 2, 11.1.7",
  "a block cipher, for objects",
  [
    f("algorithm", TPMI_ALG_SYM_OBJECT, "the algorithm, or none"),
    f("keyBits", TPMU_SYM_KEY_BITS, "bits of the key", "algorithm"),
    f("mode", TPMU_SYM_MODE, "the mode of the cipher", "algorithm"),
  ],
);

export const TPM2B_SYM_KEY = buffer("TPM2B_SYM_KEY", "Part 2, 11.1.8", "a symmetric key");
export const TPMS_SYMCIPHER_PARMS = struct(
  "TPMS_SYMCIPHER_PARMS",
  "Part 2, 11.1.9",
  "a symmetric cipher object",
  [f("sym", TPMT_SYM_DEF_OBJECT, "the cipher")],
);
