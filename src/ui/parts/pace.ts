/**
 * How often a view may draw itself while a guest runs: guest and page share a thread, so what the one takes the other
 * lacks. What a drawing costs is measured, down to its painting, and the next one waits until that is a small part of
 * the time between them.
 */

/** Part of the thread's time that a view may take. */
const SHARE = 0.006;
/** Milliseconds between two drawings, at least and at most. */
const SHORTEST_MS = 50;
const LONGEST_MS = 1000;

export interface PaceOptions {
  /** Milliseconds between two drawings at most, whatever they cost. */
  longest?: number;
  now?: () => number;
  /** Calls back when the frame that is being made has been painted. */
  painted?: (done: () => void) => void;
}

export class Pace {
  readonly #now: () => number;
  readonly #painted: (done: () => void) => void;
  readonly #longest: number;
  #next = 0;
  #cost = 0;

  constructor({
    now = () => performance.now(),
    painted = afterPaint,
    longest = LONGEST_MS,
  }: PaceOptions = {}) {
    this.#longest = longest;
    this.#now = now;
    this.#painted = painted;
  }

  /** Milliseconds that must pass between two drawings, by what the last ones have cost. */
  get interval(): number {
    return Math.min(this.#longest, Math.max(SHORTEST_MS, this.#cost / SHARE));
  }

  /** Milliseconds until the next drawing may begin; 0 when it may. */
  get wait(): number {
    return Math.max(0, this.#next - this.#now());
  }

  /** To be told when a drawing begins. */
  begin(): void {
    const start = this.#now();
    // Until it is known what this one costs.
    this.#next = start + this.interval;
    this.#painted(() => {
      const end = this.#now();
      // One slow frame is no measure, nor is one in which there was nothing to paint.
      this.#cost = this.#cost === 0 ? end - start : (this.#cost + end - start) / 2;
      this.#next = end + this.interval;
    });
  }
}

/** What is looked at again and again. */
export interface Looked {
  /** Somebody can see it. */
  inSight(): boolean;
  /** Nobody is kept waiting by its drawing. */
  free(): boolean;
  /** Whether there is anything new to draw. */
  changed(): boolean;
  draw(): void;
}

/** How soon something that has come into sight is looked at, in milliseconds. */
const OUT_OF_SIGHT_MS = 150;

/**
 * Looks again and again, and draws in a frame what is new: at each frame while `free`, else whenever the pace allows.
 * A page that asks for a frame has it made, which costs a guest time even where nothing has changed: so none is asked
 * for without need.
 * @returns ends it.
 */
export function keepLooking(pace: Pace, { inSight, free, changed, draw }: Looked): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  const drawn = () => {
    pace.begin();
    draw();
  };
  const look = () => {
    if (!inSight()) {
      timer = setTimeout(look, OUT_OF_SIGHT_MS);
    } else if (free()) {
      frame = requestAnimationFrame(() => {
        if (changed()) drawn();
        look();
      });
    } else if (pace.wait === 0 && changed()) {
      frame = requestAnimationFrame(() => {
        drawn();
        look();
      });
    } else timer = setTimeout(look, Math.max(SHORTEST_MS, pace.wait));
  };
  look();
  return () => {
    clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}

/** A message queued within a frame is handled when the frame is done. */
function afterPaint(done: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    done();
  };
  port2.postMessage(undefined);
}
