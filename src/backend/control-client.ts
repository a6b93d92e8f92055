/** swtpm's control channel: one exchange at a time, each with a time limit. */

import type { ControlExchange } from "../protocol/swtpm/exchange.ts";
import { decodeReply } from "../protocol/swtpm/exchange.ts";
import type { ByteChannel } from "./channel.ts";
import { BackendClosedError, BackendProtocolError, BackendTimeoutError } from "./errors.ts";
import { Watchdog } from "./watchdog.ts";

interface Pending {
  exchange: ControlExchange<unknown>;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export class ControlClient {
  readonly #channel: ByteChannel;
  readonly #fail: (error: Error) => void;
  readonly #watchdog: Watchdog;
  #pending: Pending | undefined;
  /** What has arrived of the reply, in `#length` bytes of `#buffer`. */
  #buffer = new Uint8Array(256);
  #length = 0;
  #need = 0;
  #limit = 0;

  /** @param fail called when the channel cannot be used any further. */
  constructor(channel: ByteChannel, fail: (error: Error) => void) {
    this.#channel = channel;
    this.#fail = fail;
    this.#watchdog = new Watchdog(() => this.#expired());
    channel.onData = (bytes) => this.#receive(bytes);
  }

  /** True while a reply is due. */
  get busy(): boolean {
    return this.#pending !== undefined;
  }

  /**
   * Sends a request and gives the reply. @param limit milliseconds.
   * @throws {SwtpmError} when swtpm refuses.
   */
  exchange<T>(exchange: ControlExchange<T>, limit: number): Promise<T> {
    if (this.#pending) throw new RangeError(`${this.#pending.exchange.command} is still unanswered`);
    return new Promise<T>((resolve, reject) => {
      this.#pending = { exchange, resolve: resolve as (value: unknown) => void, reject };
      this.#length = 0;
      this.#need = 0;
      this.limit(limit);
      try {
        this.#channel.send(exchange.request);
      } catch (cause) {
        this.#fail(new BackendClosedError(`the TPM is gone: ${(cause as Error).message}`, { cause }));
      }
    });
  }

  /** Gives the running exchange another time limit, in milliseconds from now. */
  limit(limit: number): void {
    this.#limit = limit;
    this.#watchdog.set(limit);
  }

  /** Ends the exchange that runs, if any, with `error`. */
  abort(error: Error): void {
    this.#watchdog.stop();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(error);
  }

  #expired(): void {
    if (this.#pending) this.#fail(new BackendTimeoutError(this.#pending.exchange.command, this.#limit));
  }

  #receive(chunk: Uint8Array): void {
    const pending = this.#pending;
    if (!pending) {
      this.#fail(new BackendProtocolError(`swtpm sent ${chunk.length} bytes on its control channel unasked`));
      return;
    }
    this.#append(chunk);
    if (this.#length < this.#need) return;
    const decoded = decodeReply(pending.exchange, this.#buffer.subarray(0, this.#length));
    if (!decoded.done) {
      this.#need = decoded.need;
      return;
    }
    if (this.#length > decoded.used) {
      const extra = this.#length - decoded.used;
      this.#fail(
        new BackendProtocolError(`${extra} bytes too many in the reply to ${pending.exchange.command}`),
      );
      return;
    }
    this.#watchdog.lift();
    this.#pending = undefined;
    if ("error" in decoded) pending.reject(decoded.error);
    else pending.resolve(decoded.value);
  }

  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, this.#need, 2 * this.#buffer.length));
      larger.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = larger;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }
}
