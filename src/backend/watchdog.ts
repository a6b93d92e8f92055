/**
 * A time limit that is set and lifted thousands of times a second. One timer serves many limits: it is not stopped
 * when a limit is lifted, but looks again when it fires.
 */
export class Watchdog {
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the timer fires, and when the limit passes, in `performance.now()` milliseconds. */
  #firesAt = 0;
  #deadline = Number.POSITIVE_INFINITY;
  readonly #expired: () => void;

  constructor(expired: () => void) {
    this.#expired = expired;
  }

  /** Calls `expired` after `limit` milliseconds, unless lifted or set anew. */
  set(limit: number): void {
    this.#deadline = performance.now() + limit;
    if (this.#timer !== undefined && this.#firesAt <= this.#deadline) return;
    this.#schedule(limit);
  }

  lift(): void {
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** Lifts the limit and stops the timer, which otherwise keeps a Node process alive. */
  stop(): void {
    this.lift();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #schedule(delay: number): void {
    clearTimeout(this.#timer);
    this.#firesAt = performance.now() + delay;
    this.#timer = setTimeout(() => this.#look(), delay);
  }

  #look(): void {
    this.#timer = undefined;
    const left = this.#deadline - performance.now();
    if (left === Number.POSITIVE_INFINITY) return;
    if (left > 0) {
      this.#schedule(left);
      return;
    }
    this.lift();
    this.#expired();
  }
}
