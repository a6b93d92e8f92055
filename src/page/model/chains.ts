/**
 * How the PCRs came to be what they are: each extend that was seen on its way to the TPM, with who made it, the event
 * that explains it, and the phase of the boot.
 */
import {
  type EventLog,
  type ExplainedChange,
  explainChanges,
  MAKERS,
  type PcrChange,
  pcrChanges,
} from "../../protocol/eventlog/index.ts";
import type { CommandRecord } from "../../session/types.ts";
import { bootAggregates } from "./boot-aggregate.ts";
import { isFromPage } from "./by-hand.ts";
import type { PageState } from "./model.ts";

export type SeenChange = PcrChange & { record: CommandRecord };
export type SeenExtend = ExplainedChange<SeenChange>;

const IMA_PCR = 10;
const cache = new WeakMap<CommandRecord, SeenChange[]>();
let last: { key: readonly unknown[]; changes: readonly SeenExtend[] } = { key: [], changes: [] };

/** All changes of PCRs in this boot, in order. */
export function seenExtends(state: Readonly<PageState>): readonly SeenExtend[] {
  const { commands, commandNews, log, tape, pcrs, ima } = state;
  const key = [commands, commandNews, log?.log, tape, pcrs, ima];
  if (key.every((part, i) => part === last.key[i])) return last.changes;
  const start = tape?.start ?? 0;
  const changes = commands.filter(({ startedAt }) => startedAt >= start).flatMap(changesOf);
  const { entries, problems } = bootAggregates(pcrs);
  const list = { entries: [...(ima?.list.entries ?? []), ...entries], problems };
  last = { key, changes: explainChanges(changes, log?.log ?? EMPTY_LOG, list) };
  return last.changes;
}

const EMPTY_LOG: EventLog = {
  format: "2.0",
  registers: "PCR",
  algorithms: [],
  events: [],
  end: 0,
  problems: [],
};

function changesOf(record: CommandRecord): SeenChange[] {
  if (!record.response) return [];
  let found = cache.get(record);
  if (!found) {
    found = pcrChanges(record.request, record.response).map((change) => ({ ...change, record }));
    cache.set(record, found);
  }
  return found;
}

/** The extend that an event of the log belongs to, if it was seen. */
export function extendOfEvent(state: Readonly<PageState>, index: number): SeenExtend | undefined {
  return seenExtends(state).find(({ event }) => event?.index === index);
}

/** The extend that an entry of Linux's list belongs to, if it was seen. */
export function extendOfEntry(state: Readonly<PageState>, index: number): SeenExtend | undefined {
  return seenExtends(state).find((one) => entryOf(state, one) === index);
}

/** The place in Linux's list of the entry that explains an extend; undefined where the list was not read. */
export function entryOf({ ima }: Readonly<PageState>, one: SeenExtend): number | undefined {
  return one.ima && ima?.list.entries[one.ima.index] === one.ima ? one.ima.index : undefined;
}

/** What a command changed, by its id. */
export function extendsOfCommand(state: Readonly<PageState>, id: number): SeenExtend[] {
  return seenExtends(state).filter(({ change }) => change.record.id === id);
}

/** Who made it, in words. */
export function whoMade({ maker, change }: SeenExtend): string {
  if (maker !== "unknown") return MAKERS[maker];
  if (change.kind === "extend" && change.pcr === IMA_PCR) return MAKERS.IMA;
  if (isFromPage(change.record)) return "you, from this page";
  return "a program in the guest, or its user";
}

/** What was measured, in words. */
export function whatWas({ ima, change, text, event }: SeenExtend): string {
  if (event || change.kind === "reset") return text;
  if (ima?.name === "boot_aggregate") return "boot_aggregate: the hash of the PCRs so far";
  if (ima) return text;
  if (change.pcr === IMA_PCR) return "an entry of Linux's IMA list (Event log, “Linux’s list” reads it)";
  return "no event of the log has this digest";
}

/** The chain of one PCR: from its last reset on. */
export function chainOf(state: Readonly<PageState>, pcr: number): SeenExtend[] {
  const all = seenExtends(state).filter(({ change }) => change.pcr === pcr);
  return all.slice(
    Math.max(
      0,
      all.findLastIndex(({ change }) => change.kind === "reset"),
    ),
  );
}

/** The digest that was extended into a bank. */
export function digestIn({ change }: SeenExtend, algorithm: number | undefined): Uint8Array | undefined {
  if (change.kind !== "extend") return undefined;
  return change.digests.find((one) => one.algorithm === algorithm)?.digest;
}
