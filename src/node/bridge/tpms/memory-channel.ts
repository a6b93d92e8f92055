/** Channels whose far side is in this process. */
import { ChannelClosedError } from "../../../backend/channel.ts";
import type { SocketChannel } from "../tcp-channel.ts";

/** A channel to a function: each message is given to it whole. It is never full. */
export class MemoryChannel implements SocketChannel {
  onData: SocketChannel["onData"];
  onClose: SocketChannel["onClose"];
  onDrain: SocketChannel["onDrain"];
  readonly waiting = 0;
  readonly full = false;
  readonly #take: (message: Uint8Array) => void;
  #open = true;
  /** What is to be read; undefined while it may pass. */
  #held: Uint8Array[] | undefined;

  constructor(take: (message: Uint8Array) => void) {
    this.#take = take;
  }

  send(message: Uint8Array): void {
    if (!this.#open) throw new ChannelClosedError("the TPM's channel is closed");
    this.#take(message);
  }

  /** What the far side says; nothing after the end. */
  say(message: Uint8Array): void {
    if (this.#held) this.#held.push(message);
    else if (this.#open) this.onData?.(message);
  }

  pause(): void {
    this.#held ??= [];
  }

  resume(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const message of held) this.say(message);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.onClose?.(undefined);
  }
}
