/**
 * The page's state in one place. Whoever learns something calls `update` or `news`; elements subscribe and are told
 * once per frame, however much happened in it.
 */

/** When listeners are told: in the page, before the next paint, and as often as drawing costs little. */
export interface StoreFrames {
  /** Calls back at the next frame. */
  schedule(callback: () => void): void;
  pace: {
    /** Milliseconds until the next frame may begin; 0 when it may. */
    readonly wait: number;
    /** To be told when a frame begins. */
    begin(): void;
  };
}

export class Store<S extends object> {
  #state: Readonly<S>;
  readonly #listeners = new Set<(state: Readonly<S>) => void>();
  readonly #frames: StoreFrames;
  #pending = false;
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(state: S, frames: StoreFrames) {
    this.#state = state;
    this.#frames = frames;
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
    const { wait } = this.#frames.pace;
    if (wait === 0) this.#tellSoon();
    else this.#later ??= setTimeout(() => this.#tellSoon(), wait);
  }

  #tellSoon(): void {
    if (this.#pending) return;
    this.#pending = true;
    this.#frames.schedule(() => {
      this.#pending = false;
      clearTimeout(this.#later);
      this.#later = undefined;
      this.#frames.pace.begin();
      for (const listener of this.#listeners) listener(this.#state);
    });
  }

  /** Calls back after updates. @returns a function that ends the subscription. */
  subscribe(listener: (state: Readonly<S>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
