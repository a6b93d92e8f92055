/**
 * Keys, signatures and secrets of ML-KEM (FIPS 203) and ML-DSA (FIPS 204), since version 1.85 of the specification
 * (Part 2, 10.3, 11.2.6, 11.2.7, 11.3; numbers of that version's sections).
 */
import { buffer, constants, f, struct } from "../schema.ts";
import { TPMI_ALG_HASH } from "./integers.ts";

export const TPMI_MLKEM_PARMS = constants(
  "TPMI_MLKEM_PARMS",
  2,
  "Part 2, 11.2.6",
  "a parameter set of ML-KEM",
  "TPM_MLKEM_",
  {
    NONE: [0x0000, "none"],
    512: [0x0001, "ML-KEM-512: a public key of 800 bytes, a ciphertext of 768"],
    768: [0x0002, "ML-KEM-768: a public key of 1184 bytes, a ciphertext of 1088"],
    1024: [0x0003, "ML-KEM-1024: a public key of 1568 bytes, a ciphertext of 1568"],
  },
);
export const TPMI_MLDSA_PARMS = constants(
  "TPMI_MLDSA_PARMS",
  2,
  "Part 2, 11.2.7",
  "a parameter set of ML-DSA",
  "TPM_MLDSA_",
  {
    NONE: [0x0000, "none"],
    44: [0x0001, "ML-DSA-44: a public key of 1312 bytes, a signature of 2420"],
    65: [0x0002, "ML-DSA-65: a public key of 1952 bytes, a signature of 3309"],
    87: [0x0003, "ML-DSA-87: a public key of 2592 bytes, a signature of 4627"],
  },
);

export const TPM2B_SHARED_SECRET = buffer("TPM2B_SHARED_SECRET", "Part 2, 10.3.12", "a shared secret");
export const TPM2B_KEM_CIPHERTEXT = buffer(
  "TPM2B_KEM_CIPHERTEXT",
  "Part 2, 10.3.14",
  "a secret for the holder of a key",
);
export const TPM2B_PUBLIC_KEY_MLKEM = buffer(
  "TPM2B_PUBLIC_KEY_MLKEM",
  "Part 2, 11.2.6.2",
  "a public ML-KEM key",
);
export const TPM2B_PRIVATE_KEY_MLKEM = buffer(
  "TPM2B_PRIVATE_KEY_MLKEM",
  "Part 2, 11.2.6.3",
  "the two seeds (d, z) of an ML-KEM key",
);
export const TPM2B_PUBLIC_KEY_MLDSA = buffer(
  "TPM2B_PUBLIC_KEY_MLDSA",
  "Part 2, 11.2.7.3",
  "a public ML-DSA key",
);
export const TPM2B_PRIVATE_KEY_MLDSA = buffer(
  "TPM2B_PRIVATE_KEY_MLDSA",
  "Part 2, 11.2.7.4",
  "the seed of an ML-DSA key",
);

/** Like ML-DSA's, it names no hash. Before version 1.85 it was said to be of the form of the other curves' signatures. */
export const TPM2B_SIGNATURE_EDDSA = buffer(
  "TPM2B_SIGNATURE_EDDSA",
  "Part 2, 11.3",
  "an Edwards-curve signature",
);
export const TPM2B_SIGNATURE_MLDSA = buffer("TPM2B_SIGNATURE_MLDSA", "Part 2, 11.3.4", "an ML-DSA signature");
export const TPMS_SIGNATURE_HASH_MLDSA = struct(
  "TPMS_SIGNATURE_HASH_MLDSA",
  "Part 2, 11.2.7.2",
  "an ML-DSA signature over a prehashed message",
  [
    f("hash", TPMI_ALG_HASH, "the hash that was signed"),
    f("signature", TPM2B_SIGNATURE_MLDSA, "the signature"),
  ],
);
export const TPM2B_SIGNATURE_CTX = buffer(
  "TPM2B_SIGNATURE_CTX",
  "Part 2, 11.3.8",
  "what a signature is for, up to 255 bytes",
);
export const TPM2B_SIGNATURE_HINT = buffer(
  "TPM2B_SIGNATURE_HINT",
  "Part 2, 11.3.9",
  "what a signature's check has to know before the message",
);
