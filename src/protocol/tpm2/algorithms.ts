/**
 * Algorithm identifiers (TPM_ALG_ID; TCG Algorithm Registry, and Part 2, section 6.3) with what the decoder needs to
 * know of each. Names are the registry's own; {@link algorithmName} gives the lower-case form of tpm2-tools.
 */

interface AlgorithmRow {
  id: number;
  /** Bytes of a digest, for hash algorithms. */
  digestSize?: number;
  meaning: string;
}

export const TPM_ALG = {
  ERROR: { id: 0x0000, meaning: "no algorithm: never valid" },
  RSA: { id: 0x0001, meaning: "RSA keys" },
  TDES: { id: 0x0003, meaning: "triple-DES block cipher" },
  SHA1: { id: 0x0004, digestSize: 20, meaning: "SHA-1 hash" },
  HMAC: { id: 0x0005, meaning: "keyed-hash authentication code" },
  AES: { id: 0x0006, meaning: "AES block cipher" },
  MGF1: { id: 0x0007, meaning: "mask generation by hashing" },
  KEYEDHASH: { id: 0x0008, meaning: "an HMAC key, an XOR key or sealed data" },
  XOR: { id: 0x000a, meaning: "obfuscation by XOR with a hash-made mask" },
  SHA256: { id: 0x000b, digestSize: 32, meaning: "SHA-256 hash" },
  SHA384: { id: 0x000c, digestSize: 48, meaning: "SHA-384 hash" },
  SHA512: { id: 0x000d, digestSize: 64, meaning: "SHA-512 hash" },
  SHA256_192: { id: 0x000e, digestSize: 24, meaning: "SHA-256 cut to 192 bits" },
  NULL: { id: 0x0010, meaning: "none" },
  SM3_256: { id: 0x0012, digestSize: 32, meaning: "SM3 hash" },
  SM4: { id: 0x0013, meaning: "SM4 block cipher" },
  RSASSA: { id: 0x0014, meaning: "RSA signature, PKCS#1 v1.5" },
  RSAES: { id: 0x0015, meaning: "RSA encryption, PKCS#1 v1.5" },
  RSAPSS: { id: 0x0016, meaning: "RSA signature with salt (PSS)" },
  OAEP: { id: 0x0017, meaning: "RSA encryption with OAEP padding" },
  ECDSA: { id: 0x0018, meaning: "elliptic-curve signature" },
  ECDH: { id: 0x0019, meaning: "elliptic-curve key agreement" },
  ECDAA: { id: 0x001a, meaning: "anonymous elliptic-curve signature" },
  SM2: { id: 0x001b, meaning: "SM2 signature or key exchange" },
  ECSCHNORR: { id: 0x001c, meaning: "elliptic-curve Schnorr signature" },
  ECMQV: { id: 0x001d, meaning: "two-phase elliptic-curve key exchange (MQV)" },
  HKDF: { id: 0x001f, meaning: "key derivation by extract and expand (HKDF)" },
  KDF1_SP800_56A: { id: 0x0020, meaning: "key derivation of SP 800-56A (KDFe)" },
  KDF2: { id: 0x0021, meaning: "key derivation of IEEE 1363a" },
  KDF1_SP800_108: { id: 0x0022, meaning: "key derivation of SP 800-108 (KDFa)" },
  ECC: { id: 0x0023, meaning: "elliptic-curve keys" },
  SYMCIPHER: { id: 0x0025, meaning: "a symmetric cipher key" },
  CAMELLIA: { id: 0x0026, meaning: "Camellia block cipher" },
  SHA3_256: { id: 0x0027, digestSize: 32, meaning: "SHA3-256 hash" },
  SHA3_384: { id: 0x0028, digestSize: 48, meaning: "SHA3-384 hash" },
  SHA3_512: { id: 0x0029, digestSize: 64, meaning: "SHA3-512 hash" },
  SHAKE128: { id: 0x002a, meaning: "SHAKE-128 extendable output" },
  SHAKE256: { id: 0x002b, meaning: "SHAKE-256 extendable output" },
  SHAKE256_192: { id: 0x002c, digestSize: 24, meaning: "SHAKE-256 cut to 192 bits" },
  SHAKE256_256: { id: 0x002d, digestSize: 32, meaning: "SHAKE-256 cut to 256 bits" },
  SHAKE256_512: { id: 0x002e, digestSize: 64, meaning: "SHAKE-256 cut to 512 bits" },
  CMAC: { id: 0x003f, meaning: "block-cipher authentication code" },
  CTR: { id: 0x0040, meaning: "counter mode" },
  OFB: { id: 0x0041, meaning: "output feedback mode" },
  CBC: { id: 0x0042, meaning: "cipher block chaining mode" },
  CFB: { id: 0x0043, meaning: "cipher feedback mode" },
  ECB: { id: 0x0044, meaning: "electronic codebook mode" },
  CCM: { id: 0x0050, meaning: "counter mode with CBC-MAC" },
  GCM: { id: 0x0051, meaning: "Galois/counter mode" },
  KW: { id: 0x0052, meaning: "AES key wrap" },
  KWP: { id: 0x0053, meaning: "AES key wrap with padding" },
  EAX: { id: 0x0054, meaning: "authenticated encryption mode EAX" },
  EDDSA: { id: 0x0060, meaning: "Edwards-curve signature" },
  HASH_EDDSA: { id: 0x0061, meaning: "Edwards-curve signature over a prehashed message" },
  LMS: { id: 0x0070, meaning: "Leighton-Micali hash-based signature" },
  XMSS: { id: 0x0071, meaning: "extended Merkle hash-based signature" },
  KEYEDXOF: { id: 0x0080, meaning: "a keyed extendable-output function" },
  KMACXOF128: { id: 0x0081, meaning: "KMAC-128 with extendable output" },
  KMACXOF256: { id: 0x0082, meaning: "KMAC-256 with extendable output" },
  KMAC128: { id: 0x0090, meaning: "KMAC-128 authentication code" },
  KMAC256: { id: 0x0091, meaning: "KMAC-256 authentication code" },
  MLKEM: { id: 0x00a0, meaning: "ML-KEM keys: key encapsulation that withstands quantum computers" },
  MLDSA: { id: 0x00a1, meaning: "ML-DSA keys and signatures, which withstand quantum computers" },
  HASH_MLDSA: { id: 0x00a2, meaning: "ML-DSA keys and signatures over a prehashed message" },
} as const satisfies Record<string, AlgorithmRow>;

export type AlgorithmKey = keyof typeof TPM_ALG;

const ROWS = Object.entries(TPM_ALG) as [AlgorithmKey, AlgorithmRow][];
const KEY_BY_ID = new Map(ROWS.map(([key, row]) => [row.id, key]));
const ID_BY_NAME = new Map(ROWS.map(([key, row]) => [key.toLowerCase(), row.id]));

/** The name as tpm2-tools writes it ("sha256"), or the number in hex. */
export function algorithmName(id: number): string {
  return KEY_BY_ID.get(id)?.toLowerCase() ?? `0x${id.toString(16).padStart(4, "0")}`;
}

/** The identifier of a tpm2-tools name ("sha256"), or undefined. */
export function algorithmId(name: string): number | undefined {
  return ID_BY_NAME.get(name.toLowerCase());
}

/** Bytes of a digest of this hash algorithm; undefined when it is no known hash. */
export function digestSize(id: number): number | undefined {
  const key = KEY_BY_ID.get(id);
  return key && (TPM_ALG[key] as AlgorithmRow).digestSize;
}
