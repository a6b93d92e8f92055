/** One TPM command on its way through the queue, with the cancel request that may follow it. */

import type { SwtpmError } from "../swtpm/commands.ts";
import type { Task } from "./task-queue.ts";

/** What a delivery needs of the backend. */
export interface DeliveryPort {
  /** Sends the command at its locality; `answered` gets the response. */
  send(delivery: Delivery, answered: (response: Uint8Array) => void): void;
  /** Sends CMD_CANCEL_TPM_CMD. @throws {SwtpmError} when the TPM refuses. */
  sendCancel(): Promise<void>;
  /** The command has its answer; the cancel that is still unanswered must be so before long. */
  hurryCancel(): void;
  /** The queue may go on. */
  next(): void;
}

export class Delivery implements Task {
  /** The command is on the data channel and unanswered. */
  #running = false;
  #answered = false;
  #cancel: Promise<void> | undefined;
  #startCancel: (() => void) | undefined;
  #cancelPending = false;

  constructor(
    readonly locality: number,
    readonly command: Uint8Array,
    private readonly port: DeliveryPort,
    private readonly resolve: (response: Uint8Array) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  run(): void {
    this.port.send(this, (response) => {
      this.#running = false;
      this.#answered = true;
      this.resolve(response);
      if (this.#cancelPending) this.port.hurryCancel();
      else this.port.next();
    });
  }

  /** The backend has put the command on the data channel: from now on a cancel means this command. */
  sent(): void {
    this.#running = !this.#answered;
    this.#startCancel?.();
  }

  fail(error: Error): void {
    this.#running = false;
    this.reject(error);
    this.#startCancel?.();
  }

  /**
   * Cancels this command once it runs. Resolves when the TPM has taken the request; it may well have finished the
   * command first: swtpm reads its control channel between commands.
   */
  cancel(): Promise<void> {
    this.#cancel ??= new Promise<void>((resolve) => {
      this.#startCancel = () => {
        this.#startCancel = undefined;
        if (this.#running) this.#send().then(resolve);
        else resolve();
      };
      if (this.#running || this.#answered) this.#startCancel();
    });
    return this.#cancel;
  }

  async #send(): Promise<void> {
    this.#cancelPending = true;
    try {
      await this.port.sendCancel();
    } catch (error) {
      // A TPM that cannot cancel says so; the command's answer comes all the same. A backend that failed has told
      // everyone already, and its queue goes nowhere.
      if ((error as SwtpmError).name !== "SwtpmError") return;
    }
    this.#cancelPending = false;
    if (this.#answered) this.port.next();
  }
}
