/** Numbers without names of their own (Part 2, section 5) and algorithm identifiers (6.3, 9.x). */
import { TPM_ALG } from "../algorithms.ts";
import { alias, type ConstantDefinition, constants, type UintDefinition, uint } from "../schema.ts";

export const UINT8 = uint("UINT8", 1, "a number of 8 bits");
export const UINT16 = uint("UINT16", 2, "a number of 16 bits");
export const UINT32 = uint("UINT32", 4, "a number of 32 bits");
export const UINT64 = uint("UINT64", 8, "a number of 64 bits");
export const HEX8 = uint("UINT8", 1, "a number of 8 bits", "hex");
export const HEX32 = uint("UINT32", 4, "a number of 32 bits", "hex");
export const BITS64 = uint("UINT64", 8, "64 bits", "hex");

export const TPMI_YES_NO = constants("TPMI_YES_NO", 1, "Part 2, 9.2", "yes or no", "", {
  NO: [0, "no"],
  YES: [1, "yes"],
});

export const TPM_ALG_ID = constants(
  "TPM_ALG_ID",
  2,
  "Part 2, 6.3",
  "an algorithm",
  "TPM_ALG_",
  Object.fromEntries(Object.entries(TPM_ALG).map(([key, row]) => [key, [row.id, row.meaning] as const])),
);

const alg = (name: string, meaning: string) => alias(TPM_ALG_ID, name, meaning, "Part 2, 9");

export const TPMI_ALG_HASH = alg("TPMI_ALG_HASH", "a hash algorithm");
export const TPMI_ALG_SYM = alg("TPMI_ALG_SYM", "a block cipher, XOR, or none");
export const TPMI_ALG_SYM_OBJECT = alg("TPMI_ALG_SYM_OBJECT", "a block cipher, or none");
export const TPMI_ALG_SYM_MODE = alg("TPMI_ALG_SYM_MODE", "a mode of a block cipher");
export const TPMI_ALG_CIPHER_MODE = alg("TPMI_ALG_CIPHER_MODE", "a mode of a block cipher that encrypts");
export const TPMI_ALG_KDF = alg("TPMI_ALG_KDF", "a key derivation function, or none");
export const TPMI_ALG_SIG_SCHEME = alg("TPMI_ALG_SIG_SCHEME", "a signing scheme, or none");
export const TPMI_ALG_KEYEDHASH_SCHEME = alg("TPMI_ALG_KEYEDHASH_SCHEME", "HMAC, XOR, or none");
export const TPMI_ALG_RSA_SCHEME = alg("TPMI_ALG_RSA_SCHEME", "a scheme for RSA keys, or none");
export const TPMI_ALG_RSA_DECRYPT = alg("TPMI_ALG_RSA_DECRYPT", "an RSA encryption scheme, or none");
export const TPMI_ALG_ECC_SCHEME = alg("TPMI_ALG_ECC_SCHEME", "a scheme for elliptic-curve keys, or none");
export const TPMI_ALG_PUBLIC = alg("TPMI_ALG_PUBLIC", "the kind of an object");
export const TPMI_ALG_MAC_SCHEME = alg("TPMI_ALG_MAC_SCHEME", "a hash for HMAC, or CMAC");
export const TPMI_ECC_KEY_EXCHANGE = alg("TPMI_ECC_KEY_EXCHANGE", "a two-phase key exchange, or none");

/** Sizes of keys are numbers of bits. */
export const TPM_KEY_BITS = uint("TPM_KEY_BITS", 2, "a key's size in bits", (bits) => `${bits} bits`);

/** A 16-bit constant that stands in a 32-bit field. */
export function named32(type: ConstantDefinition): UintDefinition {
  return uint(type.name, 4, type.meaning, (value) => type.values.get(value)?.name ?? `${value}`);
}
