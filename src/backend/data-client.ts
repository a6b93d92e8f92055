/** swtpm's data channel: one command, whole, and then its response. The fast path of every TPM command. */

import { type DataMessageError, ResponseAssembler, withLocality } from "../protocol/swtpm/data.ts";
import type { ByteChannel } from "./channel.ts";
import { BackendClosedError, BackendProtocolError, BackendTimeoutError } from "./errors.ts";
import { Watchdog } from "./watchdog.ts";

export class DataClient {
  readonly #channel: ByteChannel;
  readonly #fail: (error: Error) => void;
  readonly #watchdog: Watchdog;
  readonly #assembler: ResponseAssembler;
  #pending: { resolve(response: Uint8Array): void; reject(error: Error): void } | undefined;
  #limit = 0;

  /**
   * @param maxResponse largest response in bytes.
   * @param fail called when the channel cannot be used any further.
   */
  constructor(channel: ByteChannel, maxResponse: number, fail: (error: Error) => void) {
    this.#channel = channel;
    this.#fail = fail;
    this.#assembler = new ResponseAssembler(maxResponse);
    this.#watchdog = new Watchdog(() => this.#expired());
    channel.onData = (chunk) => this.#receive(chunk);
  }

  /** Largest response in bytes. */
  set maxResponse(bytes: number) {
    this.#assembler.maxResponse = bytes;
  }

  /** True while an answer is due. */
  get busy(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Sends one command, before this returns, and gives the response.
   * @param locality goes in front of the command; undefined where swtpm takes no header.
   * @param limit milliseconds.
   */
  transact(locality: number | undefined, command: Uint8Array, limit: number): Promise<Uint8Array> {
    if (this.#pending) throw new RangeError("a command is still unanswered");
    return new Promise((resolve, reject) => {
      this.#pending = { resolve, reject };
      this.#limit = limit;
      this.#assembler.begin(locality !== undefined);
      this.#watchdog.set(limit);
      try {
        this.#channel.send(locality === undefined ? command : withLocality(locality, command));
      } catch (cause) {
        this.#fail(new BackendClosedError(`the TPM is gone: ${(cause as Error).message}`, { cause }));
      }
    });
  }

  /** Ends the command that runs, if any, with `error`. */
  abort(error: Error): void {
    this.#watchdog.stop();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  }

  #expired(): void {
    if (this.#pending) this.#fail(new BackendTimeoutError("a TPM command", this.#limit));
  }

  #receive(chunk: Uint8Array): void {
    const pending = this.#pending;
    if (!pending) {
      this.#fail(new BackendProtocolError(`swtpm sent ${chunk.length} bytes on its data channel unasked`));
      return;
    }
    let response: Uint8Array | undefined;
    try {
      response = this.#assembler.push(chunk);
    } catch (error) {
      const cause = error as DataMessageError;
      this.#fail(new BackendProtocolError(cause.message, { cause }));
      return;
    }
    if (!response) return;
    this.#watchdog.lift();
    this.#pending = undefined;
    pending.resolve(response);
  }
}
