/**
 * How long the page goes on waiting for its worker: in time in which its own thread ran, since a host that was asleep is
 * no stuck worker; and the longer, the less its thread was let run, since the worker's was let run no more.
 */

/** Two looks further apart than this mean that the thread did not run meanwhile; nor, perhaps, did the worker. */
const LONGEST_LOOK_MS = 1;
/** A pause that is longer is no busy host, but one that slept. */
const LONGEST_PAUSE_MS = 1000;
/** Nobody waits longer than this, pauses included, in milliseconds: the page stands still meanwhile. */
const LONGEST_MS = 10_000;

export class Patience {
  readonly limitMs: number;
  readonly #now: () => number;
  /** Milliseconds in which this thread ran, and in which it ran or was kept from it. */
  #ran = 0;
  #passed = 0;
  #before: number | undefined;

  constructor(limitMs: number, now: () => number = () => performance.now()) {
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
    // A thread that gets one part in ten of its processor is as patient as ten.
    const limit = this.#ran > 0 ? this.limitMs * (this.#passed / this.#ran) : this.limitMs;
    return this.#ran < limit && (this.#ran < this.limitMs || this.#passed < LONGEST_MS);
  }

  restore(): void {
    this.#ran = this.#passed = 0;
    this.#before = undefined;
  }
}
