/** Gathers the moves of the register interface for those who watch it: people, who see some ten changes a second. */
import type { TisTrace } from "../tis/trace.ts";

const GATHER_MS = 100;
/** Moves told at once: more than two commands' worth. */
const MOST_MOVES = 16;

export interface TisMove {
  /** Milliseconds since 1970. */
  time: number;
  trace: TisTrace;
}

export class TisWatch {
  readonly #tell: (moves: TisMove[]) => void;
  #moves: TisMove[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (moves: TisMove[]) => void) {
    this.#tell = tell;
  }

  note(trace: TisTrace): void {
    this.#moves.push({ time: performance.timeOrigin + performance.now(), trace });
    if (this.#moves.length > MOST_MOVES) this.#moves.shift();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const moves = this.#moves;
      this.#moves = [];
      this.#tell(moves);
    }, GATHER_MS);
  }
}
