/**
 * The time of accesses. To look at the browser's clock takes longer than all else that is done for an access, so it
 * is looked at where a time tells something: when the guest was not running just before, at each write that moves the
 * interface, and where bytes begin to go through FIFO or data buffer. Accesses between have the time of the one before; as a
 * slice of guest code lasts a millisecond or two, they are that far off at most.
 */
import { isData, isWrite, nextWord } from "./access.ts";

export class AccessClock {
  readonly #now: () => number;
  readonly #machine: { readonly slices?: number } | undefined;
  #slice = -1;
  /** Of the access that would go on with the bytes of the one before. */
  #next = 0;
  #time = 0;

  /** @param machine without one, or without its slices, the clock is looked at each time. */
  constructor(now: () => number, machine: { readonly slices?: number } | undefined) {
    this.#now = now;
    this.#machine = machine;
  }

  /** To be asked once for each access, in order. */
  time(word: number): number {
    const slice = this.#machine?.slices;
    const between = slice === this.#slice && (isData(word) ? word === this.#next : !isWrite(word));
    this.#next = nextWord(word);
    if (slice !== undefined && between) return this.#time;
    this.#slice = slice ?? -1;
    this.#time = this.#now();
    return this.#time;
  }
}
