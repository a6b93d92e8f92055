/** Reads the PCRs anew after changes: soon after the last of a burst, and now and then during a long one. */

/** How long after a change the PCRs are read, unless another one follows, in milliseconds ... */
const QUIET_MS = 120;
/** ... and at the latest. */
const LONGEST_MS = 1000;

export class PcrWatch {
  readonly #read: () => Promise<void>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #firstChange = 0;
  #reading = false;
  #again = false;

  /** @param read reads and tells the values; never rejects. */
  constructor(read: () => Promise<void>) {
    this.#read = read;
  }

  /** A command was run that may have changed PCRs. */
  changed(): void {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    const now = performance.now();
    if (this.#timer === undefined) this.#firstChange = now;
    clearTimeout(this.#timer);
    const latest = this.#firstChange + LONGEST_MS - now;
    this.#timer = setTimeout(() => this.#go(), Math.max(0, Math.min(QUIET_MS, latest)));
  }

  /** Forgets changes that were not read yet. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#again = false;
  }

  #go(): void {
    this.#timer = undefined;
    this.#reading = true;
    this.#read().finally(() => {
      this.#reading = false;
      if (!this.#again) return;
      this.#again = false;
      this.changed();
    });
  }
}
