/**
 * Explains PCRs by their chains: every extend that the TPM was seen to do, with the event of the firmware's log, or
 * the entry of Linux's IMA list, that it belongs to.
 */
import { equalBytes } from "../bytes/hex.ts";
import { algorithmName } from "../tpm2/algorithms.ts";
import { describeEvent, type Maker } from "./describe.ts";
import { EVENT_TYPES } from "./event-types.ts";
import type { PcrChange } from "./extends.ts";
import type { ImaEntry, ImaList } from "./ima/list.ts";
import { entryDigest, type ImaDigests } from "./ima/replay.ts";
import type { EventLog, LogDigest, LogEvent } from "./log.ts";

export interface ExplainedChange<C extends PcrChange = PcrChange> {
  change: C;
  /** The event of the log that says what was extended. */
  event?: LogEvent;
  /** The entry of the IMA list that does. */
  ima?: ImaEntry;
  /** Who did it. `unknown`: neither list has it, so it came from a program that keeps no list, or from the user. */
  maker: Maker;
  /** What was measured, in one line. */
  text: string;
}

const IMA_PCR = 10;
const IMA_WAYS: readonly ImaDigests[] = ["own hash", "padded SHA-1"];

/**
 * Explains the changes since power-on, in their order. Each event and entry explains one extend; those of a PCR are
 * used in their order, and one that was never extended is passed over.
 */
export function explainChanges<C extends PcrChange>(
  changes: readonly C[],
  log: EventLog,
  ima?: ImaList,
): ExplainedChange<C>[] {
  const events = queues(log.events.filter(({ type }) => type !== EVENT_TYPES.EV_NO_ACTION.id));
  const entries = queues(ima?.entries ?? []);
  return changes.map((change) => {
    if (change.kind === "reset") return { change, maker: "unknown", text: "set back to its starting value" };
    const event = take(events.get(change.pcr), (one) => shareDigest(one.digests, change.digests));
    if (event) {
      const { maker, text } = describeEvent(event, log);
      return { change, event, maker, text };
    }
    const entry = take(entries.get(change.pcr), (one) => isEntry(one, change.digests));
    if (entry) return { change, ima: entry, maker: "IMA", text: imaText(entry) };
    const maker = change.pcr === IMA_PCR && !ima ? "IMA" : "unknown";
    return { change, maker, text: "no list has this extend" };
  });
}

/** By PCR, in order. */
function queues<T extends { pcr: number }>(all: readonly T[]): Map<number, T[]> {
  const byPcr = new Map<number, T[]>();
  for (const one of all) byPcr.set(one.pcr, [...(byPcr.get(one.pcr) ?? []), one]);
  return byPcr;
}

/** Takes the first that fits out of the queue, and all before it. */
function take<T>(queue: T[] | undefined, fits: (one: T) => boolean): T | undefined {
  const at = queue?.findIndex(fits) ?? -1;
  return at < 0 ? undefined : queue?.splice(0, at + 1).at(-1);
}

function shareDigest(a: readonly LogDigest[], b: readonly LogDigest[]): boolean {
  return a.some((one) =>
    b.some(({ algorithm, digest }) => algorithm === one.algorithm && equalBytes(digest, one.digest)),
  );
}

function isEntry(entry: ImaEntry, digests: readonly LogDigest[]): boolean {
  return digests.some(({ algorithm, digest }) =>
    IMA_WAYS.some((way) => {
      const wanted = entryDigest(entry, algorithmName(algorithm), way, digest.length);
      return wanted !== undefined && equalBytes(wanted, digest);
    }),
  );
}

function imaText({ name, violation }: ImaEntry): string {
  return violation ? `${name}: changed while it was measured (violation)` : name;
}
