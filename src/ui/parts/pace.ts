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

  /** To be asked once a frame. @param free nobody is kept waiting: draw whenever there is something new. */
  due(free: boolean): boolean {
    return free || this.wait === 0;
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

/**
 * Looks again and again, in a frame each time, whenever a drawing is due: at each frame while `free`, else by a timer.
 * A page that asks for each frame has each one made, which costs a guest time even where nothing has changed.
 * @param free the view is in sight, and nobody is kept waiting
 * @returns ends it.
 */
export function keepLooking(pace: Pace, free: () => boolean, look: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let frame = 0;
  const run = () => {
    const now = free();
    if (pace.due(now)) look();
    if (now) frame = requestAnimationFrame(run);
    else timer = setTimeout(() => (frame = requestAnimationFrame(run)), Math.max(SHORTEST_MS, pace.wait));
  };
  run();
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
