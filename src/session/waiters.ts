/** Those who wait for the end of a power cycle: all of them for the same. */
export class Waiters {
  #waiters: { resolve(): void; reject(error: Error): void }[] = [];

  /** Resolves when the TPM has been switched on, or off and on; rejects with the reason it could not be. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  settle(error: Error | undefined): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve, reject } of waiters) {
      if (error) reject(error);
      else resolve();
    }
  }
}
