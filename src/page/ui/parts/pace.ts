/**
 * How often the page may draw itself while a guest runs: guest and page share a thread, so what the one takes the
 * other lacks. What a frame costs is measured, down to its painting, and the next one waits until that is a small part
 * of the time between them. A frame costs most of its time whatever is drawn in it, so all views that have something
 * new draw in the same one.
 */

/** Part of the thread's time that drawing may take. */
const SHARE = 0.006;
/** Milliseconds between two frames, at least and at most: a view that lags more looks as if it hung. */
const SHORTEST_MS = 50;
const LONGEST_MS = 500;
/** How soon something that has come into sight is looked at, in milliseconds. */
const OUT_OF_SIGHT_MS = 150;

/** What is looked at again and again. */
export interface Looked {
  /** Somebody can see it. */
  inSight(): boolean;
  /** Nobody is kept waiting by its drawing. */
  free(): boolean;
  /** Whether there is anything new to draw; need not be said twice. */
  changed(): boolean;
  draw(): void;
}

export interface PaceOptions {
  /** Milliseconds between two frames at most, whatever they cost. */
  longest?: number;
  now?: () => number;
  /** Calls back when the frame that is being made has been painted. */
  painted?: (done: () => void) => void;
}

export class Pace {
  readonly #longest: number;
  readonly #now: () => number;
  readonly #painted: (done: () => void) => void;
  readonly #views = new Set<Looked>();
  /** Those that have something new to draw. */
  readonly #news = new Set<Looked>();
  #next = 0;
  #cost = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #frame = 0;

  constructor({
    longest = LONGEST_MS,
    now = () => performance.now(),
    painted = afterPaint,
  }: PaceOptions = {}) {
    this.#longest = longest;
    this.#now = now;
    this.#painted = painted;
  }

  /** Milliseconds that must pass between two frames, by what the last ones have cost. */
  get interval(): number {
    return Math.min(this.#longest, Math.max(SHORTEST_MS, this.#cost / SHARE));
  }

  /** Milliseconds until the next frame may begin; 0 when it may. */
  get wait(): number {
    return Math.max(0, this.#next - this.#now());
  }

  /** To be told when a frame begins, whoever has asked for it: views whose time has come draw in it, too. */
  begin(): void {
    const start = this.#now();
    const due = start >= this.#next;
    // Until it is known what this one costs.
    this.#next = start + this.interval;
    this.#painted(() => {
      const end = this.#now();
      // One slow frame is no measure, nor is one in which there was nothing to paint.
      this.#cost = this.#cost === 0 ? end - start : (this.#cost + end - start) / 2;
      this.#next = end + this.interval;
    });
    if (!due) return;
    this.#gather();
    for (const view of this.#news) view.draw();
    this.#news.clear();
  }

  /**
   * Looks again and again, and draws in a frame what is new: at each frame while `free`, else whenever the pace allows.
   * A page that asks for a frame has it made, which costs a guest time even where nothing has changed: so none is asked
   * for without need.
   * @returns ends it.
   */
  keepLooking(view: Looked): () => void {
    this.#views.add(view);
    if (this.#views.size === 1) this.#look();
    return () => {
      this.#views.delete(view);
      this.#news.delete(view);
      if (this.#views.size > 0) return;
      clearTimeout(this.#timer);
      cancelAnimationFrame(this.#frame);
    };
  }

  #look(): void {
    const seen = [...this.#views].filter((view) => view.inSight());
    const free = seen.filter((view) => view.free());
    if (free.length) {
      this.#frame = requestAnimationFrame(() => {
        for (const view of free) if (view.changed()) view.draw();
        // The others have a frame that is made anyway, when their time has come.
        if (seen.length > free.length && this.wait === 0) this.begin();
        this.#look();
      });
      return;
    }
    if (this.wait === 0) this.#gather();
    if (this.#news.size) {
      this.#frame = requestAnimationFrame(() => {
        // Unless another's frame, of the same moment, has drawn them.
        if (this.#news.size) this.begin();
        this.#look();
      });
    } else {
      this.#timer = setTimeout(
        () => this.#look(),
        seen.length ? Math.max(SHORTEST_MS, this.wait) : OUT_OF_SIGHT_MS,
      );
    }
  }

  #gather(): void {
    for (const view of this.#views) if (view.inSight() && view.changed()) this.#news.add(view);
  }
}

/** The page's own: there is one thread to share. */
export const pagePace = new Pace();

/** A message queued within a frame is handled when the frame is done. */
function afterPaint(done: () => void): void {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    done();
  };
  port2.postMessage(undefined);
}
