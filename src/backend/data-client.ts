/** swtpm's data channel: one command, whole, and then its response. The fast path of every TPM command. */

import { type DataMessageError, ResponseAssembler, withLocality } from "../swtpm/data.ts";
import type { ByteChannel } from "./channel.ts";
import { BackendClosedError, BackendProtocolError, BackendTimeoutError } from "./errors.ts";
import { Watchdog } from "./watchdog.ts";

export class DataClient {
  readonly #channel: ByteChannel;
  readonly #fail: (error: Error) => void;
  readonly #watchdog: Watchdog;
  readonly #assembler: ResponseAssembler;
  #answer: ((response: Uint8Array) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
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

  /**
   * Sends one command; `answer` gets the response, or `fail` is called.
   * @param locality goes in front of the command; undefined where swtpm takes no header.
   * @param limit milliseconds.
   */
  transact(
    locality: number | undefined,
    command: Uint8Array,
    limit: number,
    answer: (response: Uint8Array) => void,
  ): void {
    if (this.#answer) throw new RangeError("a command is still unanswered");
    this.#answer = answer;
    this.#limit = limit;
    this.#assembler.begin(locality !== undefined);
    this.#watchdog.set(limit);
    try {
      this.#channel.send(locality === undefined ? command : withLocality(locality, command));
    } catch (cause) {
      this.#fail(new BackendClosedError(`the TPM is gone: ${(cause as Error).message}`, { cause }));
    }
  }

  /** Sends one command without a header and gives the response. @param limit milliseconds. */
  request(command: Uint8Array, limit: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.transact(undefined, command, limit, resolve);
    });
  }

  /** Forgets the command that runs. */
  abort(error: Error): void {
    this.#watchdog.stop();
    this.#answer = undefined;
    this.#reject?.(error);
  }

  #expired(): void {
    if (this.#answer) this.#fail(new BackendTimeoutError("a TPM command", this.#limit));
  }

  #receive(chunk: Uint8Array): void {
    const answer = this.#answer;
    if (!answer) {
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
    this.#answer = undefined;
    answer(response);
  }
}
