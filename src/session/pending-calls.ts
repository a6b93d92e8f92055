/** Calls into a worker that may end without answering them. */
export class PendingCalls {
  readonly #rejects = new Set<(error: Error) => void>();
  #failure: Error | undefined;

  /** Settles as `call` does, or rejects when {@link fail} is called first; `call` is not made after that. */
  wait<T>(call: () => Promise<T>): Promise<T> {
    const failure = this.#failure;
    if (failure) return Promise.reject(failure);
    return new Promise<T>((resolve, reject) => {
      this.#rejects.add(reject);
      call()
        .then(resolve, reject)
        .finally(() => this.#rejects.delete(reject));
    });
  }

  /** Nobody will answer any more: rejects what waits and what comes. The first error counts. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const reject of this.#rejects) reject(this.#failure);
    this.#rejects.clear();
  }
}
