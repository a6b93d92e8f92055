/** Listeners by event name. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<(detail: never) => void>>();

  /** @returns a function that ends the subscription. */
  on<K extends keyof Events>(event: K, listener: (detail: Events[K]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as (detail: never) => void);
    return () => listeners.delete(listener as (detail: never) => void);
  }

  /** A listener that throws keeps neither the others nor the caller from going on; its error is reported. */
  emit<K extends keyof Events>(event: K, detail: Events[K]): void {
    for (const listener of this.#listeners.get(event) ?? []) {
      try {
        (listener as (detail: Events[K]) => void)(detail);
      } catch (error) {
        reportError(error);
      }
    }
  }

  has(event: keyof Events): boolean {
    return (this.#listeners.get(event)?.size ?? 0) > 0;
  }
}

/** As an uncaught error: browsers have a function for it. */
function reportError(error: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(error);
  else
    queueMicrotask(() => {
      throw error;
    });
}
