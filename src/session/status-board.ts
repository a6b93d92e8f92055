/** The status of a TPM as the page is told of it: one value, and the rules by which it changes. */
import { toError, toFailure } from "../backend/failure.ts";
import { inWords, shutDown, TpmFailedError } from "./errors.ts";
import type { TpmStatus } from "./types.ts";

export class StatusBoard {
  #value: TpmStatus;
  readonly #tell: (status: TpmStatus) => void;
  /** Guest commands that last, by id. */
  readonly #long = new Set<number>();

  /** @param tell is told of each new value. */
  constructor(value: TpmStatus, tell: (status: TpmStatus) => void) {
    this.#value = value;
    this.#tell = tell;
  }

  get value(): TpmStatus {
    return this.#value;
  }

  get closed(): boolean {
    return this.#value.phase === "closed";
  }

  /** A failure stays until the TPM is in another phase. */
  set(change: Partial<TpmStatus>): void {
    const { failure, ...status } = this.#value;
    this.#value = { ...status, ...(change.phase === undefined && failure && { failure }), ...change };
    this.#tell(this.#value);
  }

  /** Takes out what no longer holds, untold. */
  drop(key: "backendMemory" | "placementReason"): void {
    const { [key]: _, ...status } = this.#value;
    this.#value = status;
  }

  /** A guest's command began that was not over when it was told of. */
  executing(id: number, name: string): void {
    this.#long.add(id);
    if (this.#value.phase === "ready") this.set({ phase: "executing", message: `The TPM runs ${name}.` });
  }

  executed(id: number): void {
    if (this.#long.delete(id)) this.#idle();
  }

  /** Whatever the guest had under way is over. */
  idle(): void {
    this.#long.clear();
    this.#idle();
  }

  #idle(): void {
    if (this.#value.phase === "executing") this.set({ phase: "ready", message: "The TPM is ready." });
  }

  fail(error: Error): void {
    const failure = toFailure(error);
    this.set({
      phase: "failed",
      message: `The TPM has failed: ${inWords(failure)} Reset the machine to begin a new session.`,
      version: "unspecified",
      failure,
    });
  }

  /** @throws {TpmFailedError} or what says that the TPM was shut down. */
  mustBeAlive(): void {
    const { message, failure } = this.#value;
    if (this.closed) throw shutDown();
    if (failure) throw new TpmFailedError(message, { cause: toError(failure) });
  }
}
