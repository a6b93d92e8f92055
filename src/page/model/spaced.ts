/** Work that a guest can ask for without end, done at once for a guest of few words, and never for most of the time. */

/** So many times longer than the work took is it left alone. */
const REST = 15;

export class Spaced {
  readonly #work: () => void;
  readonly #now: () => number;
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(work: () => void, now: () => number = () => performance.now()) {
    this.#work = work;
    this.#now = now;
  }

  /** Has the work done, now or a little later; once, however often it was asked for until then. */
  ask(): void {
    if (this.#timer !== undefined) return;
    const wait = this.#next - this.#now();
    if (wait <= 0) this.#run();
    else this.#timer = setTimeout(() => this.#run(), wait);
  }

  /** What was asked for and is not done yet is not done. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #run(): void {
    this.#timer = undefined;
    const start = this.#now();
    try {
      this.#work();
    } catch (error) {
      // Who asks may be a chip in the middle of a guest's access: the mistake is the page's, and is told there.
      reportError(error);
    } finally {
      const end = this.#now();
      this.#next = end + REST * (end - start);
    }
  }
}
