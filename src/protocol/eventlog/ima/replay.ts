/**
 * Replays an IMA list into PCRs and compares with the TPM. Since Linux 5.8 each bank is extended with that bank's own
 * hash of the entry; a bank whose hash the kernel has not got at that time (SHA-384 and SHA-512 on many), and every
 * bank but SHA-1 before 5.8, with the SHA-1 digest filled up with zeros. A violation extends all ones.
 */
import { equalBytes } from "../../bytes/hex.ts";
import { algorithmId, digestSize } from "../../tpm2/algorithms.ts";
import { byPcr } from "../by-pcr.ts";
import { extend, hash } from "../hash.ts";
import { type Progress, tick } from "../limits.ts";
import type { Bank } from "../log.ts";
import { templateData } from "./entry.ts";
import type { ImaEntry, ImaList } from "./list.ts";

/** How a bank's digests were made: by its own hash, or from SHA-1 filled up with zeros. */
export type ImaDigests = "own hash" | "padded SHA-1";

export interface ImaStep {
  entry: ImaEntry;
  /** What was extended; undefined when it cannot be known. */
  digest: Uint8Array;
  before: Uint8Array;
  after: Uint8Array;
}

export interface ImaComparison {
  /** Lower-case algorithm name of the bank. */
  algorithm: string;
  pcr: number;
  /** `explained`: the list gives the TPM's value. `partly`: its first entries do. `differs`: no part of it does. */
  result: "explained" | "partly" | "differs";
  /** How the digests were made, when the list explains the value. */
  digests?: ImaDigests;
  /** How many entries of the PCR lead to the TPM's value. */
  entries?: number;
  /** In words. */
  reason: string;
}

const SHA1 = "sha1";

/**
 * The extends of one PCR of a bank. Ends before an entry whose digest cannot be known.
 * @param progress told the entries extended, of all of that PCR.
 */
export function replayIma(
  list: ImaList,
  algorithm: string,
  digests: ImaDigests,
  pcr: number,
  progress?: Progress,
): ImaStep[] {
  const entries = list.entries.filter((one) => one.pcr === pcr);
  const steps: ImaStep[] = [];
  extendAll(entries, algorithm, digests, (step) => steps.push(step), progress);
  return steps;
}

/** Calls `seen` for each extend: a list is long, and not everybody wants to keep them all. */
function extendAll(
  entries: readonly ImaEntry[],
  algorithm: string,
  digests: ImaDigests,
  seen: (step: ImaStep) => void,
  progress?: Progress,
): void {
  const size = digestSize(algorithmId(algorithm) ?? 0) ?? 0;
  let value: Uint8Array = new Uint8Array(size);
  for (const [i, entry] of entries.entries()) {
    tick(progress, i, i, entries.length);
    const digest = entryDigest(entry, algorithm, digests, size);
    const after = digest && extend(algorithm, value, digest);
    if (!after) break;
    seen({ entry, digest, before: value, after });
    value = after;
  }
}

/** What an entry extends a bank with; undefined when that cannot be known. @param size bytes of a digest. */
export function entryDigest(
  entry: ImaEntry,
  algorithm: string,
  digests: ImaDigests,
  size: number,
): Uint8Array | undefined {
  const digest = new Uint8Array(size);
  if (entry.violation) return digest.fill(0xff);
  const made = algorithm !== SHA1 && digests === "padded SHA-1" ? SHA1 : algorithm;
  const known = made === entry.algorithm ? entry.templateDigest : hashOf(entry, made);
  if (!known) return undefined;
  digest.set(known.subarray(0, size));
  return digest;
}

function hashOf(entry: ImaEntry, algorithm: string): Uint8Array | undefined {
  const data = templateData(entry);
  return data && hash(algorithm, data);
}

/** Whether an entry's digest is the one of its data; undefined for violations and unknown templates. */
export function checkImaEntry(entry: ImaEntry): boolean | undefined {
  const digest = entry.violation ? undefined : hashOf(entry, entry.algorithm);
  return digest && equalBytes(digest, entry.templateDigest);
}

/**
 * Compares every PCR of the list with the TPM, bank by bank.
 * @param progress told the banks and PCRs compared, of all; called at least each thousand entries.
 */
export function compareImaWithPcrs(
  list: ImaList,
  real: readonly Bank[],
  progress?: Progress,
): ImaComparison[] {
  const groups = [...byPcr(list.entries)].sort(([a], [b]) => a - b);
  const pairs = real.flatMap((bank) =>
    groups.flatMap(([pcr, entries]) => {
      const value = bank.values[pcr];
      return value ? [{ algorithm: bank.algorithm, pcr, entries, value }] : [];
    }),
  );
  return pairs.map((pair, i) => compareOne(pair, () => progress?.(i, pairs.length)));
}

interface Pair {
  algorithm: string;
  pcr: number;
  /** Of that PCR. */
  entries: ImaEntry[];
  /** What the TPM holds. */
  value: Uint8Array;
}

function compareOne({ algorithm, pcr, entries: all, value }: Pair, progress: Progress): ImaComparison {
  const total = all.length;
  const ways: ImaDigests[] = algorithm === SHA1 ? ["own hash"] : ["own hash", "padded SHA-1"];
  for (const digests of ways) {
    let entries = 0;
    let extended = 0;
    const seen = ({ after }: ImaStep) => {
      extended++;
      if (equalBytes(after, value)) entries = extended;
    };
    extendAll(all, algorithm, digests, seen, progress);
    if (!entries) continue;
    const explained = entries === total;
    const reason = explained
      ? `${total === 1 ? "the list's one entry gives" : `the list's ${total} entries give`} this value (${digests})`
      : `the first ${entries} of ${total} entries give this value (${digests}); the others came after it was read, or never reached the TPM`;
    return { algorithm, pcr, result: explained ? "explained" : "partly", digests, entries, reason };
  }
  const reason =
    "the list does not lead to the TPM's value: an entry was changed or left out, or something else extended the PCR";
  return { algorithm, pcr, result: "differs", reason };
}

const BOOT_AGGREGATE = "boot_aggregate";
/** The aggregate covers PCR 0 to 7, and since Linux 5.8, but for SHA-1, 8 and 9 too. */
const AGGREGATE_PCRS = [10, 8] as const;

/**
 * Checks the first entry, which ties the list to the boot: the hash of the PCRs that firmware and boot loader extended.
 * @returns undefined when there is no such entry, or the TPM has no bank of its algorithm.
 */
export function checkBootAggregate(list: ImaList, real: readonly Bank[]): boolean | undefined {
  const file = list.entries.find(({ name }) => name === BOOT_AGGREGATE)?.file;
  const bank = real.find(({ algorithm }) => algorithm === file?.algorithm);
  if (!file || !bank) return undefined;
  return AGGREGATE_PCRS.some((count) => {
    const all = bank.values.slice(0, count).flatMap((value) => [...value]);
    const digest = hash(bank.algorithm, Uint8Array.from(all));
    return digest !== undefined && equalBytes(digest, file.digest);
  });
}
