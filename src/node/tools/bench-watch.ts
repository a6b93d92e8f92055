/** Notes when a guest has said something: by the host's clock, at the very piece of output that completed it. */

/** A guest did not say what was waited for, or said that something failed. */
export class GuestOutputError extends Error {
  override name = "GuestOutputError";
}

/** How much of the output an error message quotes. */
const QUOTED = 800;

interface Waiting {
  texts: string[];
  times: number[];
  resolve(times: number[]): void;
  reject(error: Error): void;
}

/** Runs in the page and in Node; give it every piece of output as it comes. */
export class OutputWatch {
  #text = "";
  /** Up to here earlier waits have consumed the text. */
  #seen = 0;
  #waiting: Waiting | undefined;

  /** What `rawtpm` prints when it gives up. */
  static readonly FAILURE = "rawtpm failed";

  /** All that the guest has said. */
  get text(): string {
    return this.#text;
  }

  feed(text: string): void {
    this.#text += text;
    this.#look();
  }

  /**
   * Waits until the guest has said all `texts` in this order; one wait at a time.
   * @returns `performance.now()` for each.
   * @throws {GuestOutputError} after `timeoutMs`, or when the guest reports a failure.
   */
  async expect(texts: readonly string[], timeoutMs: number): Promise<number[]> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const found = new Promise<number[]>((resolve, reject) => {
      this.#waiting = { texts: [...texts], times: [], resolve, reject };
      timer = setTimeout(
        () => this.#fail(`no "${this.#waiting?.texts[0]}" within ${timeoutMs} ms`),
        timeoutMs,
      );
      this.#look();
    });
    return found.finally(() => clearTimeout(timer));
  }

  #look(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    const now = performance.now();
    for (let next = waiting.texts[0]; next !== undefined; next = waiting.texts[0]) {
      const at = this.#text.indexOf(next, this.#seen);
      if (at < 0) break;
      this.#seen = at + next.length;
      waiting.texts.shift();
      waiting.times.push(now);
    }
    if (waiting.texts.length === 0) {
      this.#waiting = undefined;
      waiting.resolve(waiting.times);
    } else if (this.#text.includes(OutputWatch.FAILURE, this.#seen)) this.#fail("a command failed");
  }

  #fail(reason: string): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(
      new GuestOutputError(`the guest: ${reason}; its last words:\n${this.#text.slice(-QUOTED)}`),
    );
  }
}
