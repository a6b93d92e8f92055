/**
 * The one queue in front of a TPM: everything that goes to it, one thing at a time, in the order of the calls. What
 * stands between here and the TPM (`recovering.ts`, `write-through.ts`) are steps of a call, with no queue of their own.
 *
 * A delivery carries its own cancellation. Where it stands when it is aborted decides what that means:
 *
 * - It waits here for another command: the TPM never sees it, and its answer is TPM_RC_CANCELED, at once (TPM 2.0 Part 1, "Command
 *   Cancellation": a cancelled command has changed nothing). TPM 1.2 has no such word: the command keeps its place, and is
 *   cancelled when it runs. So is one that waits for what takes no time, e.g. a power cycle: the TPM's word counts then.
 * - It is at the TPM: CMD_CANCEL_TPM_CMD follows it, once, before anything else is sent. Its answer is what the TPM then
 *   says, which may be that of a command that was quicker.
 * - The TPM that had it is lost: at the next place it is as if it had waited, or, once it is run again, cancelled there.
 * - It has its answer: nothing happens, whatever is still being done about it, or has begun since.
 */
import { canceledResponse } from "./canceled.ts";
import { BackendClosedError, TpmShutDownError } from "./errors.ts";
import type { BackendInfo, DeliveryOptions, StateBlob, TpmBackend, TpmState } from "./port.ts";

interface Task {
  /** It is a command's delivery. */
  command: boolean;
  /** Begins, in the very call that gives the turn: a command at an idle TPM is on its way before `deliver` returns. */
  run(): void;
  fail(error: Error): void;
}

export class OrderedTpm implements TpmBackend {
  onFailure: ((error: Error) => void) | undefined;
  readonly #tpm: TpmBackend;
  #current: Task | undefined;
  #waiting: Task[] = [];
  #failure: Error | undefined;

  /** @param tpm is used by nobody else from here on. */
  constructor(tpm: TpmBackend) {
    this.#tpm = tpm;
    tpm.onFailure = (error) => this.#fail(error);
    tpm.background = (work) => {
      // A failure has been told.
      this.#inTurn(work).catch(() => undefined);
    };
  }

  /** The queue in front of a TPM; one that has it already is given back as it is. */
  static of(tpm: TpmBackend): OrderedTpm {
    return tpm instanceof OrderedTpm ? tpm : new OrderedTpm(tpm);
  }

  start(options?: { state?: TpmState }): Promise<BackendInfo> {
    return this.#inTurn(() => this.#tpm.start(options));
  }

  reset(state?: TpmState): Promise<void> {
    return this.#inTurn(() => this.#tpm.reset(state));
  }

  /** As {@link TpmBackend.deliver}. `command` is not copied: leave it unchanged until the answer. */
  deliver(locality: number, command: Uint8Array, options: DeliveryOptions = {}): Promise<Uint8Array> {
    const { signal } = options;
    const work = () => this.#tpm.deliver(locality, command, options);
    const canceled = signal && canceledResponse(command);
    if (!canceled) return new Promise((resolve, reject) => this.#push(work, resolve, reject, true));
    if (signal.aborted) return this.#failure ? Promise.reject(this.#failure) : Promise.resolve(canceled);
    return new Promise((resolve, reject) => {
      const task = this.#push(work, resolve, reject, true);
      if (this.#waiting.includes(task))
        signal.addEventListener("abort", () => this.#takeOut(task) && resolve(canceled), { once: true });
    });
  }

  establishmentFlag(): Promise<boolean> {
    return this.#inTurn(() => this.#tpm.establishmentFlag());
  }

  resetEstablishmentFlag(locality: number): Promise<void> {
    return this.#inTurn(() => this.#tpm.resetEstablishmentFlag(locality));
  }

  measureLaunch(data: Uint8Array): Promise<void> {
    return this.#inTurn(() => this.#tpm.measureLaunch(data));
  }

  getState(): Promise<TpmState> {
    return this.#inTurn(() => this.#tpm.getState());
  }

  getStateBlob(name: keyof TpmState): Promise<StateBlob> {
    return this.#inTurn(() => this.#tpm.getStateBlob(name));
  }

  /** What waits is given up; what runs has until the TPM is off. */
  async shutdown(): Promise<void> {
    const error = new TpmShutDownError();
    this.#failure ??= error;
    for (const task of this.#waiting.splice(0)) task.fail(error);
    await this.#tpm.shutdown();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => this.#push(work, resolve, reject));
  }

  #push<T>(
    work: () => Promise<T>,
    resolve: (value: T) => void,
    reject: (error: Error) => void,
    command = false,
  ): Task {
    const run = async () => {
      try {
        resolve(await work());
      } catch (error) {
        reject(error as Error);
      }
      this.#next();
    };
    const task: Task = { command, run, fail: reject };
    if (this.#failure) task.fail(this.#failure);
    else if (this.#current) this.#waiting.push(task);
    else {
      this.#current = task;
      task.run();
    }
    return task;
  }

  #next(): void {
    this.#current = this.#waiting.shift();
    this.#current?.run();
  }

  /** @returns false for a task that does not wait (any more), or for no other command. */
  #takeOut(task: Task): boolean {
    const at = this.#waiting.indexOf(task);
    const waits = this.#current?.command || this.#waiting.slice(0, at).some(({ command }) => command);
    if (at < 0 || !waits) return false;
    this.#waiting.splice(at, 1);
    return true;
  }

  #fail(error: Error): void {
    this.#failure ??= new BackendClosedError(`the TPM is gone: ${error.message}`, { cause: error });
    this.#current?.fail(error);
    for (const task of this.#waiting.splice(0)) task.fail(error);
    this.onFailure?.(error);
  }
}
