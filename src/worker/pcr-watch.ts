/**
 * Reads the PCRs anew after changes: when the guest has left the TPM alone for a moment, since a reading of all banks
 * takes a dozen commands, for which the guest's next one would wait; and now and then during a long burst.
 */

/** How long after the guest's last command changed PCRs are read, in milliseconds ... */
const QUIET_MS = 200;
/** ... and after the change at the latest. */
const LONGEST_MS = 2000;

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
    if (this.#timer === undefined) this.#firstChange = performance.now();
    this.#wait();
  }

  /** The guest has used the TPM. */
  used(): void {
    if (this.#timer !== undefined) this.#wait();
  }

  /** Forgets changes that were not read yet. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#again = false;
  }

  #wait(): void {
    clearTimeout(this.#timer);
    const latest = this.#firstChange + LONGEST_MS - performance.now();
    this.#timer = setTimeout(() => this.#go(), Math.max(0, Math.min(QUIET_MS, latest)));
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
