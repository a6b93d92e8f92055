/**
 * What Linux's IMA extends first of all, its "boot_aggregate": worked out from the PCRs that firmware and boot loader
 * have left, so that it can be recognized without the guest's own list.
 */
import { hash } from "../../protocol/eventlog/hash.ts";
import { makeEntry, templateData } from "../../protocol/eventlog/ima/entry.ts";
import type { ImaEntry, ImaList } from "../../protocol/eventlog/ima/list.ts";
import type { PcrBank } from "../../session/types.ts";

const IMA_PCR = 10;
const NAME = "boot_aggregate";
const TEMPLATES = [
  { template: "ima-ng", rest: [] },
  { template: "ima-sig", rest: [{ id: "sig", data: new Uint8Array() }] },
];
/** PCR 0 to 7; since Linux 5.8, but for SHA-1, 8 and 9 too. */
const COUNTS = [10, 8];
const ALGORITHMS = ["sha256", "sha1"];

/** Every form that the entry may have, for the PCRs as they are. */
export function bootAggregates(banks: readonly PcrBank[]): ImaList {
  const entries = ALGORITHMS.flatMap((algorithm) => {
    const values = banks.find((bank) => bank.algorithm === algorithm)?.values;
    if (!values) return [];
    return COUNTS.flatMap((count) => {
      const digest = hash(algorithm, join(values.slice(0, count)));
      return digest ? TEMPLATES.map((form) => entryOf(form, algorithm, digest)) : [];
    });
  });
  return { entries, problems: [] };
}

function entryOf(
  { template, rest }: (typeof TEMPLATES)[number],
  algorithm: string,
  digest: Uint8Array,
): ImaEntry {
  const text = (words: string) => new TextEncoder().encode(`${words}\0`);
  const fields = [
    { id: "d-ng", data: join([text(`${algorithm}:`), digest]) },
    { id: "n-ng", data: text(NAME) },
    ...rest,
  ];
  const draft = { index: 0, offset: 0, pcr: IMA_PCR, algorithm: "sha1", template, fields };
  const data = templateData(makeEntry({ ...draft, templateDigest: new Uint8Array(20).fill(1) }));
  return makeEntry({ ...draft, templateDigest: (data && hash("sha1", data)) ?? new Uint8Array(20) });
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
