/**
 * The page's own commands to the TPM, one at a time, between the guest's: none is begun while the guest has a command
 * running or is putting one in. The guest notices at most that its next command waits for one of these.
 */

import { TpmOffError } from "../backend/errors.ts";

/** How long a guest that has begun to put in a command and goes no further keeps the page waiting, in milliseconds. */
const PATIENCE_MS = 1000;

export interface PageCommandsPort {
  /** True while the TPM runs a command of the guest's. */
  guestRuns(): boolean;
  /** True while the guest puts a command in. */
  guestWrites(): boolean;
  deliver(command: Uint8Array): Promise<Uint8Array>;
}

interface Waiting {
  command: Uint8Array;
  resolve(response: Promise<Uint8Array>): void;
  reject(error: Error): void;
}

export class PageCommands {
  readonly #port: PageCommandsPort;
  #queue: Waiting[] = [];
  #running = false;
  #patience: ReturnType<typeof setTimeout> | undefined;

  constructor(port: PageCommandsPort) {
    this.#port = port;
  }

  /** True while one runs. */
  get running(): boolean {
    return this.#running;
  }

  /** True while one waits for the guest, so that `look` has to be called when the guest has done something. */
  get waiting(): boolean {
    return this.#queue.length > 0;
  }

  run(command: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ command, resolve, reject });
      this.look();
    });
  }

  /** Begins the next command if the guest leaves room for it. */
  look(): void {
    if (this.#running || this.#queue.length === 0 || this.#port.guestRuns()) return;
    if (this.#port.guestWrites()) {
      this.#patience ??= setTimeout(() => {
        this.#patience = undefined;
        if (!this.#port.guestRuns()) this.#next();
      }, PATIENCE_MS);
      return;
    }
    this.#next();
  }

  /** The TPM is gone: what waits is refused. */
  fail(cause: Error): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    const queue = this.#queue;
    this.#queue = [];
    for (const { reject } of queue) reject(new TpmOffError(cause.message, { cause }));
  }

  #next(): void {
    clearTimeout(this.#patience);
    this.#patience = undefined;
    const next = this.#running ? undefined : this.#queue.shift();
    if (!next) return;
    this.#running = true;
    const response = this.#port.deliver(next.command);
    next.resolve(response);
    const done = () => {
      this.#running = false;
      this.look();
    };
    response.then(done, done);
  }
}
