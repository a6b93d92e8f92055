/**
 * The page's state in one place. Whoever learns something calls `update` or `news`; elements subscribe and are told
 * once per frame, however much happened in it.
 */
import { type Pace, pagePace } from "./parts/pace.ts";

export class Store<S extends object> {
  #state: Readonly<S>;
  readonly #listeners = new Set<(state: Readonly<S>) => void>();
  readonly #schedule: (callback: () => void) => void;
  readonly #pace: Pace;
  #pending = false;
  #later: ReturnType<typeof setTimeout> | undefined;

  /** @param schedule when to tell the listeners; in the page, before the next paint. */
  constructor(state: S, schedule: (callback: () => void) => void = nextFrame, pace: Pace = pagePace) {
    this.#state = state;
    this.#schedule = schedule;
    this.#pace = pace;
  }

  /** The state as it is now; a new object after each update, so that slices can be compared by identity. */
  get state(): Readonly<S> {
    return this.#state;
  }

  /** For what people do, and what they wait for: told at the next frame. */
  update(patch: Partial<S>): void {
    this.#state = { ...this.#state, ...patch };
    this.#tellSoon();
  }

  /** For what a guest does by the thousand: part of the state at once, told as often as drawing it costs little. */
  news(patch: Partial<S>): void {
    this.#state = { ...this.#state, ...patch };
    const { wait } = this.#pace;
    if (wait === 0) this.#tellSoon();
    else this.#later ??= setTimeout(() => this.#tellSoon(), wait);
  }

  #tellSoon(): void {
    if (this.#pending) return;
    this.#pending = true;
    this.#schedule(() => {
      this.#pending = false;
      clearTimeout(this.#later);
      this.#later = undefined;
      this.#pace.begin();
      for (const listener of this.#listeners) listener(this.#state);
    });
  }

  /** Calls back after updates. @returns a function that ends the subscription. */
  subscribe(listener: (state: Readonly<S>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Frames stop in a hidden tab; a page that goes on working there must not save up its news for ever. */
const HIDDEN_TAB_MS = 500;

function nextFrame(callback: () => void): void {
  if (document.hidden) setTimeout(callback, HIDDEN_TAB_MS);
  else requestAnimationFrame(() => callback());
}
