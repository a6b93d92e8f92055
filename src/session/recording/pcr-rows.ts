/**
 * PCRs in a recording's file: [time, algorithm, pcr, value] for each that has changed since the time before. The first
 * time has all of them, so that no bank has a gap.
 */
import * as v from "valibot";
import { equalBytes, toHex } from "../../protocol/bytes/hex.ts";
import { algorithmId, algorithmName, digestSize } from "../../protocol/tpm2/algorithms.ts";
import { RECORDING } from "../reading/limits.ts";
import { list, whole } from "../reading/numbers.ts";
import type { PcrBank } from "../types.ts";
import { hex, round, time } from "./fields.ts";
import type { PcrSnapshot } from "./recording.ts";

const LAST_PCR = 23;
/** Of the longest hash there is. */
const MOST_DIGEST = 64;
/** As TPMs name an algorithm that is not known here. */
const NUMBER = /^0x[0-9a-f]{4}$/;

/** Undefined for a hash that is not known here, 0 for what is none. */
function sizeOf(algorithm: string): number | undefined {
  if (NUMBER.test(algorithm)) return undefined;
  const id = algorithmId(algorithm);
  return id === undefined || algorithmName(id) !== algorithm ? 0 : (digestSize(id) ?? 0);
}

const algorithm = v.pipe(
  v.string(),
  v.check((name) => sizeOf(name) !== 0, "must be the name of a hash algorithm, e.g. sha256"),
);
const row = v.pipe(
  v.tuple([time, algorithm, whole(0, LAST_PCR), hex(MOST_DIGEST)]),
  v.check(
    ([, name, , value]) => (sizeOf(name) ?? value.length) === value.length,
    "must be a value as long as the bank's digests",
  ),
);
type Row = v.InferOutput<typeof row>;

export const pcrRows = v.pipe(
  list(row, RECORDING.pcrs),
  v.rawTransform(({ dataset, addIssue, NEVER }) => {
    const snapshots = snapshotsOf(dataset.value);
    if (typeof snapshots !== "string") return snapshots;
    addIssue({ message: snapshots });
    return NEVER;
  }),
);

/**
 * What the rows say, moment by moment; or in words what is wrong with them. A bank that did not change is the same
 * object as before: a moment costs what has changed in it.
 */
function snapshotsOf(rows: readonly Row[]): PcrSnapshot[] | string {
  const snapshots: PcrSnapshot[] = [];
  const banks = new Map<string, PcrBank>();
  for (let at = 0; at < rows.length; ) {
    const time = rows[at]![0];
    const changed = new Map<string, PcrBank>();
    for (; rows[at]?.[0] === time; at++) {
      const [, algorithm, pcr, value] = rows[at]!;
      let bank = changed.get(algorithm);
      if (!bank) {
        bank = { algorithm, values: [...(banks.get(algorithm)?.values ?? [])] };
        changed.set(algorithm, bank);
        banks.set(algorithm, bank);
      }
      bank.values[pcr] = value;
    }
    for (const bank of changed.values()) {
      const wrong = flawOf(bank);
      if (wrong) return wrong;
    }
    snapshots.push({ time, banks: Array.from(banks.values()) });
  }
  return snapshots;
}

function flawOf({ algorithm, values }: PcrBank): string | undefined {
  const gap = values.findIndex((value) => !value);
  if (gap >= 0)
    return `the bank ${algorithm} has no value of PCR ${gap}, but one of PCR ${values.length - 1}`;
  if (values.some(({ length }) => length !== values[0]?.length))
    return `the values of bank ${algorithm} have different lengths`;
  return undefined;
}

/** The values that are not as in the snapshot before. */
export function pcrRowsOf(snapshots: readonly PcrSnapshot[]): [number, string, number, string][] {
  let before: readonly PcrBank[] = [];
  return snapshots.flatMap(({ time, banks }) => {
    const rows = banks.flatMap(({ algorithm, values }) => {
      const old = before.find((bank) => bank.algorithm === algorithm)?.values;
      return values.flatMap((value, pcr): [number, string, number, string][] =>
        old?.[pcr] && equalBytes(old[pcr], value) ? [] : [[round(time), algorithm, pcr, toHex(value)]],
      );
    });
    before = banks;
    return rows;
  });
}
