/** The hashes that PCR banks use, by TPM_ALG_ID or tpm2-tools name; synchronous. */
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";
import { sha3_256, sha3_384, sha3_512 } from "@noble/hashes/sha3.js";
import { algorithmId, TPM_ALG } from "../tpm2/algorithms.ts";
import { sm3 } from "./sm3.ts";

type Hash = (data: Uint8Array) => Uint8Array;

const HASHES = new Map<number, Hash>([
  [TPM_ALG.SHA1.id, sha1],
  [TPM_ALG.SHA256.id, sha256],
  [TPM_ALG.SHA384.id, sha384],
  [TPM_ALG.SHA512.id, sha512],
  [TPM_ALG.SM3_256.id, sm3],
  [TPM_ALG.SHA3_256.id, sha3_256],
  [TPM_ALG.SHA3_384.id, sha3_384],
  [TPM_ALG.SHA3_512.id, sha3_512],
]);

/** The digest of `data`, or undefined when the algorithm (TPM_ALG_ID or name) is none this project computes. */
export function hash(algorithm: number | string, data: Uint8Array): Uint8Array | undefined {
  const id = typeof algorithm === "string" ? algorithmId(algorithm) : algorithm;
  return id === undefined ? undefined : HASHES.get(id)?.(data);
}

/** What a PCR holds after an extend: the hash of its old value followed by the digest (Part 1, "Extend of a PCR"). */
export function extend(
  algorithm: number | string,
  value: Uint8Array,
  digest: Uint8Array,
): Uint8Array | undefined {
  const both = new Uint8Array(value.length + digest.length);
  both.set(value);
  both.set(digest, value.length);
  return hash(algorithm, both);
}
