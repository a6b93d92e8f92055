/**
 * Readings of all PCRs, as of one moment. A reading takes a dozen commands, and the guest's own come between: one that
 * a change came into holds values from before and after it, and is made again.
 */
import type { PcrBank } from "../protocol/tpm2/pcr-bank.ts";

/** A guest that never stops extending does not keep the page from values for ever: they are then some of its last. */
const MOST_READINGS = 4;

export class PcrReader {
  readonly #readOnce: () => Promise<PcrBank[]>;
  #changes = 0;
  #reading: Promise<PcrBank[]> | undefined;

  constructor(readOnce: () => Promise<PcrBank[]>) {
    this.#readOnce = readOnce;
  }

  /** PCRs may have other values from now on. */
  changed(): void {
    this.#changes++;
  }

  /**
   * All banks, with every change that was told before this call. Calls that overlap share the commands.
   * @throws what a command of the reading throws.
   */
  read(): Promise<PcrBank[]> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #read(): Promise<PcrBank[]> {
    for (let readings = 1; ; readings++) {
      const before = this.#changes;
      const banks = await this.#readOnce();
      if (before === this.#changes || readings === MOST_READINGS) return banks;
    }
  }
}
