/** Boots and resets asked for, one after the other: only the last one counts, and `ready` stands for it. */
export class Attempts {
  #last = 0;
  #settled = false;
  #end: (error: Error | undefined) => void = () => {};
  #ready = this.#newReady();

  /** Resolves when what was asked for last is done. One that waits already goes on waiting, for the newest. */
  get ready(): Promise<void> {
    return this.#ready;
  }

  /** Something is asked for; what was asked for before is overtaken. @returns its number. */
  next(): number {
    return ++this.#last;
  }

  /** From here on `ready` stands for what has just been asked for. */
  expectReady(): void {
    if (this.#settled) this.#ready = this.#newReady();
    this.#settled = false;
    // Failures are shown as notices; a script that wants to know has its own handler.
    this.#ready.catch(() => {});
  }

  /** Whether nothing was asked for since. */
  isLast(attempt: number): boolean {
    return attempt === this.#last;
  }

  /** How it went: `attempt`, or without it what was asked for last. An overtaken one has no say. */
  settle(error: Error | undefined, attempt = this.#last): void {
    if (!this.isLast(attempt) || this.#settled) return;
    this.#settled = true;
    this.#end(error);
  }

  #newReady(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve());
    });
  }
}
