/**
 * When a worker that says nothing counts as stuck. Not by time alone: where a host has more to do than processors, a
 * worker may not run for many seconds. Turns of the page's timer are counted, of which none passes while host or page
 * sleeps; and then a witness is called, a new worker with nothing to do: only when that has been heard again and again,
 * and the other one still not, is it the worker that does not go on, and not the host.
 */

/** Turns without an answer after which a worker is doubted that has spoken before ... */
const SILENT_TURNS = 2;
/** ... and one that has not: it may still be loading, for two minutes over a slow line, and a failure tells itself. */
const LOADING_TURNS = 120;
/** So often the witness has to be heard, once a turn. */
const TESTIMONIES = 3;

/** What is to be done about a worker. */
export type Doubt = "none" | "call a witness" | "stuck";

export class Silence {
  #silent = 0;
  #most = LOADING_TURNS;
  /** How often the witness was heard; undefined while there is none. */
  #heard: number | undefined;

  /** The page's timer has come round. */
  turn(): Doubt {
    if (this.#heard !== undefined) return this.#heard >= TESTIMONIES ? "stuck" : "call a witness";
    if (++this.#silent <= this.#most) return "none";
    this.#heard = 0;
    return "call a witness";
  }

  /** Whatever the worker says, it has been loaded. */
  spoke(): void {
    this.#most = SILENT_TURNS;
  }

  /** The worker has answered: there is nothing to doubt. */
  answered(): void {
    this.#silent = 0;
    this.#heard = undefined;
  }

  /** The witness has answered. */
  testified(): void {
    if (this.#heard !== undefined) this.#heard++;
  }
}
