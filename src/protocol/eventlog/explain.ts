/**
 * Explains PCRs by their chains: every extend that the TPM was seen to do, with the event of the firmware's log, or
 * the entry of Linux's IMA list, that it belongs to.
 */
import { toHex } from "../bytes/hex.ts";
import { algorithmName, digestSize } from "../tpm2/algorithms.ts";
import { byPcr } from "./by-pcr.ts";
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
  const events = new Queues(
    log.events.filter(({ type }) => type !== EVENT_TYPES.EV_NO_ACTION.id),
    ({ digests }, algorithm) =>
      digests.filter((one) => one.algorithm === algorithm).map(({ digest }) => digest),
  );
  const entries = new Queues(ima?.entries ?? [], imaDigests);
  return changes.map((change) => {
    if (change.kind === "reset") return { change, maker: "unknown", text: "set back to its starting value" };
    const event = events.take(change.pcr, change.digests);
    if (event) {
      const { maker, text } = describeEvent(event, log);
      return { change, event, maker, text };
    }
    const entry = entries.take(change.pcr, change.digests);
    if (entry) return { change, ima: entry, maker: "IMA", text: imaText(entry) };
    const maker = change.pcr === IMA_PCR && !ima ? "IMA" : "unknown";
    return { change, maker, text: "no list has this extend" };
  });
}

/** One PCR's list, and how far it is used up. */
interface Queue<T> {
  all: T[];
  next: number;
  /** Places in `all`, by algorithm and digest in hex. */
  places: Map<number, Map<string, number[]>>;
}

/** What a list has for each PCR, in order. Each look-up takes the same time, however long the list. */
class Queues<T extends { pcr: number }> {
  readonly #byPcr = new Map<number, Queue<T>>();
  readonly #digestsOf: (one: T, algorithm: number) => Uint8Array[];

  /** @param digestsOf what one of the list may have extended a bank with. */
  constructor(all: readonly T[], digestsOf: (one: T, algorithm: number) => Uint8Array[]) {
    this.#digestsOf = digestsOf;
    for (const [pcr, list] of byPcr(all)) {
      this.#byPcr.set(pcr, { all: list, next: 0, places: new Map() });
    }
  }

  /** Takes the first with one of the digests out of the PCR's queue, and all before it. */
  take(pcr: number, digests: readonly LogDigest[]): T | undefined {
    const queue = this.#byPcr.get(pcr);
    if (!queue) return undefined;
    const found = digests.map(({ algorithm, digest }) => this.#place(queue, algorithm, toHex(digest)));
    const place = Math.min(...found);
    if (place === Number.POSITIVE_INFINITY) return undefined;
    queue.next = place + 1;
    return queue.all[place];
  }

  /** The first place with this digest that is not used up; infinity when there is none. */
  #place(queue: Queue<T>, algorithm: number, digest: string): number {
    const places = this.#placesOf(queue, algorithm).get(digest) ?? [];
    // Places that are used up are dropped for good, so that none is looked at twice.
    while (places.length && (places.at(-1) as number) < queue.next) places.pop();
    return places.at(-1) ?? Number.POSITIVE_INFINITY;
  }

  /** By digest in hex; the places descend, so that the next one is the last. */
  #placesOf(queue: Queue<T>, algorithm: number): Map<string, number[]> {
    const known = queue.places.get(algorithm);
    if (known) return known;
    const places = new Map<string, number[]>();
    queue.places.set(algorithm, places);
    for (let place = queue.all.length - 1; place >= queue.next; place--) {
      for (const digest of this.#digestsOf(queue.all[place] as T, algorithm)) {
        const key = toHex(digest);
        const list = places.get(key);
        if (list) list.push(place);
        else places.set(key, [place]);
      }
    }
    return places;
  }
}

function imaDigests(entry: ImaEntry, algorithm: number): Uint8Array[] {
  const size = digestSize(algorithm);
  if (size === undefined) return [];
  const name = algorithmName(algorithm);
  return IMA_WAYS.flatMap((way) => entryDigest(entry, name, way, size) ?? []);
}

function imaText({ name, violation }: ImaEntry): string {
  return violation ? `${name}: changed while it was measured (violation)` : name;
}
