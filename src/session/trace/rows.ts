/**
 * The accesses of a ring as rows of a list: those that a filter lets through, with runs of the same access folded
 * into one row. Grows with the ring, and takes in a long trace in pieces, so that nobody waits for it.
 */
import { isData, isMark, nextWord } from "./access.ts";
import type { AccessFilter } from "./filter.ts";
import type { TraceRing } from "./ring.ts";

const FIRST_CAPACITY = 4096;

export interface TraceRow {
  /** Sequence numbers of the first and the last access in it. */
  first: number;
  last: number;
  count: number;
}

export class TraceRows {
  readonly #ring: TraceRing;
  readonly #filter: AccessFilter | undefined;
  readonly #fold: boolean;
  #firsts = new Float64Array(FIRST_CAPACITY);
  #lasts = new Float64Array(FIRST_CAPACITY);
  #counts = new Uint32Array(FIRST_CAPACITY);
  /** Rows before this one are of accesses that the ring has no more. */
  #head = 0;
  #tail = 0;
  #next: number;
  /** The word that an access has which goes on with the last row. */
  #expected = 0;
  #value = 0;
  #dropped = 0;

  constructor(ring: TraceRing, options: { filter?: AccessFilter | undefined; fold?: boolean } = {}) {
    this.#ring = ring;
    this.#filter = options.filter;
    this.#fold = options.fold ?? true;
    this.#next = ring.start;
  }

  get length(): number {
    return this.#tail - this.#head;
  }

  /** Rows that have gone with the accesses that the ring lost: what a list's place moved up by. */
  get dropped(): number {
    return this.#dropped;
  }

  /** True when every access so far was taken in. */
  get complete(): boolean {
    return this.#next >= this.#ring.end;
  }

  row(index: number): TraceRow {
    const at = this.#head + index;
    return { first: this.#firsts[at]!, last: this.#lasts[at]!, count: this.#counts[at]! };
  }

  /** The row with that access in it, or else the one before; -1 when there is none. */
  indexOf(sequence: number): number {
    let [low, high] = [this.#head, this.#tail];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firsts[middle]! <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1 - this.#head;
  }

  /** Takes in what is new, at most so many accesses. @returns whether anything changed. */
  update(most = Number.POSITIVE_INFINITY): boolean {
    const ring = this.#ring;
    const before = this.#dropped;
    this.#drop();
    if (this.#next < ring.start) this.#next = ring.start;
    const first = this.#next;
    const to = Math.min(ring.end, first + most);
    for (let sequence = first; sequence < to; sequence++) this.#take(sequence);
    this.#next = to;
    return to > first || this.#dropped !== before;
  }

  #take(sequence: number): void {
    const word = this.#ring.word(sequence);
    const value = this.#ring.value(sequence);
    if (this.#filter && !this.#filter(word, value)) return;
    if (this.length > 0 && this.#fold && word === this.#expected && this.#joins(sequence, word, value)) {
      this.#lasts[this.#tail - 1] = sequence;
      this.#counts[this.#tail - 1]!++;
      this.#value = value;
      this.#expected = nextWord(word);
      return;
    }
    if (this.#tail === this.#firsts.length) this.#makeRoom();
    this.#firsts[this.#tail] = this.#lasts[this.#tail] = sequence;
    this.#counts[this.#tail++] = 1;
    this.#expected = nextWord(word);
    this.#value = value;
  }

  /** Polls that see the same, and bytes of one command or response, with nothing between them, shown or not. */
  #joins(sequence: number, word: number, value: number): boolean {
    if (sequence !== this.#lasts[this.#tail - 1]! + 1) return false;
    return !isMark(word) && (value === this.#value || isData(word));
  }

  #drop(): void {
    const { start } = this.#ring;
    const before = this.#head;
    while (this.#head < this.#tail && this.#lasts[this.#head]! < start) this.#head++;
    this.#dropped += this.#head - before;
    if (this.#head < this.#tail && this.#firsts[this.#head]! < start) this.#firsts[this.#head] = start;
  }

  #makeRoom(): void {
    const { length } = this;
    const capacity = length > this.#firsts.length / 2 ? this.#firsts.length * 2 : this.#firsts.length;
    const [firsts, lasts, counts] = [
      new Float64Array(capacity),
      new Float64Array(capacity),
      new Uint32Array(capacity),
    ];
    firsts.set(this.#firsts.subarray(this.#head, this.#tail));
    lasts.set(this.#lasts.subarray(this.#head, this.#tail));
    counts.set(this.#counts.subarray(this.#head, this.#tail));
    [this.#firsts, this.#lasts, this.#counts] = [firsts, lasts, counts];
    [this.#head, this.#tail] = [0, length];
  }
}
