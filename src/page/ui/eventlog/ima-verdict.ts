/** What a replay of Linux's IMA list says about the TPM's PCRs, in sentences. */
import {
  checkBootAggregate,
  compareImaWithPcrs,
  type ImaComparison,
  type ImaList,
} from "../../../protocol/eventlog/index.ts";
import type { PcrBank } from "../../../session/types.ts";
import type { ImaView } from "../../model/model.ts";
import type { Verdict } from "./verdict.ts";

/** A long list takes seconds to replay: once for each state of the PCRs. */
const comparisons = new WeakMap<ImaList, { pcrs: readonly PcrBank[]; rows: ImaComparison[] }>();

/** @param compared what a worker has compared already */
export function imaComparison(
  list: ImaList,
  pcrs: readonly PcrBank[],
  compared: ImaView["compared"],
): readonly ImaComparison[] {
  const known = compared?.pcrs === pcrs ? compared : comparisons.get(list);
  if (known?.pcrs === pcrs) return known.rows;
  const rows = compareImaWithPcrs(list, pcrs);
  comparisons.set(list, { pcrs, rows });
  return rows;
}

/**
 * @param rows the comparison with the TPM's PCRs
 * @param extended how often each PCR was seen to be extended in this boot
 */
export function imaVerdict(
  rows: readonly ImaComparison[],
  list: ImaList,
  bank: string,
  extended: (pcr: number) => number,
): Verdict {
  const ofBank = rows.filter(({ algorithm }) => algorithm === bank);
  const [row] = ofBank.filter(({ result }) => result !== "explained").concat(ofBank);
  if (!row)
    return { tone: "plain", text: `There is no ${bank} value of the TPM to compare with.`, lines: [] };
  const { pcr, result, reason } = row;
  const count = list.entries.filter((entry) => entry.pcr === pcr).length;
  if (result === "explained") {
    const text = `Replayed, the list gives exactly the TPM's ${bank} value of PCR ${pcr}.`;
    return { tone: "good", text, lines: [`PCR ${pcr}: ${reason}.`] };
  }
  const more = extended(pcr) - count;
  if (more > 0) {
    const times = more === 1 ? "once more" : `${more} times more`;
    const text = `PCR ${pcr} was extended ${times} than this list has entries: it has grown. Read it again.`;
    return { tone: "plain", text, lines: [] };
  }
  const text =
    result === "partly"
      ? `A part of the list gives the TPM's ${bank} value of PCR ${pcr}.`
      : `The list does not lead to the TPM's ${bank} value of PCR ${pcr}.`;
  return { tone: result === "partly" ? "plain" : "bad", text, lines: [`PCR ${pcr}: ${reason}.`] };
}

/** Whether the list belongs to this boot; undefined where that cannot be told. */
export function aggregateVerdict(list: ImaList, pcrs: readonly PcrBank[]): Verdict | undefined {
  const fits = checkBootAggregate(list, pcrs);
  if (fits === undefined) return undefined;
  if (fits) {
    const text =
      "Its first entry is the hash of the PCRs that the firmware left: the list belongs to this boot.";
    return { tone: "good", text, lines: [] };
  }
  const text =
    "Its first entry is not the hash of the PCRs as they are: the list belongs to another boot, or those PCRs were extended later.";
  return { tone: "bad", text, lines: [] };
}
