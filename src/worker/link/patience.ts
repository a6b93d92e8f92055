/**
 * How long the page goes on waiting for its worker, which it does by looking again and again: a worker on a busy host,
 * or on a processor that a virtual machine's host has taken away, is not stuck. The page stands still meanwhile.
 */

/** How long the worker may take to do what was posted, in milliseconds in which the waiting thread itself ran. */
export const LINK_LIMIT_MS = 5000;
/** Two looks further apart than this mean that the thread did not run meanwhile; nor, perhaps, did the worker. */
const LONGEST_LOOK_MS = 1;
/** A pause that is longer is no busy host, but one that slept. */
const LONGEST_PAUSE_MS = 1000;
/** Nobody waits longer than so many times the limit, pauses included. */
const PAUSES = 6;

export class Patience {
  readonly limitMs: number;
  readonly #now: () => number;
  /** Milliseconds in which this thread ran, and in which it ran or was kept from it. */
  #ran = 0;
  #passed = 0;
  #before: number | undefined;

  constructor(limitMs: number = LINK_LIMIT_MS, now: () => number = () => performance.now()) {
    this.limitMs = limitMs;
    this.#now = now;
  }

  /** To be asked from time to time. */
  lasts(): boolean {
    const now = this.#now();
    const look = now - (this.#before ?? now);
    this.#ran += Math.min(look, LONGEST_LOOK_MS);
    this.#passed += Math.min(look, LONGEST_PAUSE_MS);
    this.#before = now;
    return this.#ran < this.limitMs && this.#passed < this.limitMs * PAUSES;
  }

  restore(): void {
    this.#ran = this.#passed = 0;
    this.#before = undefined;
  }
}
