/** Gathers the moves of the register interface for those who watch it: people, who see some ten changes a second. */
import type { InterfaceMove } from "../device/frontend/port.ts";

const GATHER_MS = 100;
/** Moves told at once: more than two commands' worth. */
const MOST_MOVES = 16;

export interface TimedMove {
  /** Milliseconds since 1970. */
  time: number;
  move: InterfaceMove;
}

export class MoveWatch {
  readonly #tell: (moves: TimedMove[]) => void;
  #moves: TimedMove[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (moves: TimedMove[]) => void) {
    this.#tell = tell;
  }

  note(move: InterfaceMove): void {
    this.#moves.push({ time: performance.timeOrigin + performance.now(), move });
    if (this.#moves.length > MOST_MOVES) this.#moves.shift();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const moves = this.#moves;
      this.#moves = [];
      this.#tell(moves);
    }, GATHER_MS);
  }
}
