/** Which hash made the template digests of an IMA list: the list has them, but does not name it. */
import { equalBytes } from "../../bytes/hex.ts";
import { digestSize, TPM_ALG } from "../../tpm2/algorithms.ts";
import { hash } from "../hash.ts";
import { templateData } from "./entry.ts";
import type { ImaEntry } from "./list.ts";

/** Hashes of PCR banks; of equal size the more common one first. */
const ALGORITHMS = (
  ["SHA1", "SHA256", "SHA384", "SHA512", "SM3_256", "SHA3_256", "SHA3_384", "SHA3_512"] as const
).map((key) => ({ name: key.toLowerCase(), size: digestSize(TPM_ALG[key].id) as number }));

/** Bytes that a template digest may have, each once; that of SHA-1 first. */
export const DIGEST_SIZES: readonly number[] = [...new Set(ALGORITHMS.map(({ size }) => size))];

/** Entries whose data is hashed to find the algorithm out. */
const TRIED_ENTRIES = 8;

/** Names the hash in all entries: the one of that size which gives the first digests, else the most common one. */
export function nameAlgorithm(entries: readonly ImaEntry[]): void {
  const size = entries[0]?.templateDigest.length;
  const candidates = ALGORITHMS.filter((one) => one.size === size);
  const tried = entries.slice(0, TRIED_ENTRIES).filter(({ violation }) => !violation);
  const found =
    candidates.find(({ name }) => tried.some((entry) => isDigestOf(entry, name))) ?? candidates[0];
  for (const entry of entries) entry.algorithm = found?.name ?? entry.algorithm;
}

function isDigestOf(entry: ImaEntry, algorithm: string): boolean {
  const data = templateData(entry);
  const digest = data && hash(algorithm, data);
  return digest !== undefined && equalBytes(digest, entry.templateDigest);
}
