/** A channel on which some messages are answered here, and never sent on. */
import type { SocketChannel } from "../tcp-channel.ts";

export class GatedChannel implements SocketChannel {
  onData: SocketChannel["onData"];
  onClose: SocketChannel["onClose"];
  onDrain: SocketChannel["onDrain"];
  readonly #inner: SocketChannel;
  readonly #gate: (message: Uint8Array) => Uint8Array | undefined;

  /** @param gate gives the answer to a message that is not to be sent on. */
  constructor(inner: SocketChannel, gate: (message: Uint8Array) => Uint8Array | undefined) {
    this.#inner = inner;
    this.#gate = gate;
    inner.onData = (bytes) => this.onData?.(bytes);
    inner.onClose = (error) => this.onClose?.(error);
    inner.onDrain = () => this.onDrain?.();
  }

  get waiting(): number {
    return this.#inner.waiting;
  }

  get full(): boolean {
    return this.#inner.full;
  }

  send(message: Uint8Array): void {
    const answer = this.#gate(message);
    if (!answer) this.#inner.send(message);
    // As if it had come from the far side.
    else queueMicrotask(() => this.onData?.(answer));
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  close(): void {
    this.#inner.close();
  }
}
