/** Byte channels over the ports of the hidden machine. */
import { type ByteChannel, ChannelClosedError } from "../channel.ts";
import { PORT_PAGE } from "./virtio-ports.ts";

/** Linux posts 16 receive buffers a port; with half of them under way none is ever missing. */
const CONTROL_WINDOW = 8;

/** The channel of one port: a message of up to a page goes as one buffer. */
export class PortChannel implements ByteChannel {
  onData: ((bytes: Uint8Array) => void) | undefined;
  onClose: ((error: Error | undefined) => void) | undefined;
  #closed = false;
  readonly #write: (bytes: Uint8Array) => void;

  /** @param write puts up to a page into the port. */
  constructor(write: (bytes: Uint8Array) => void) {
    this.#write = write;
  }

  send(bytes: Uint8Array): void {
    if (this.#closed) throw new ChannelClosedError("the channel to the hidden machine is closed");
    this.#write(bytes);
  }

  /** The machine wrote to the port. */
  receive(bytes: Uint8Array): void {
    if (!this.#closed) this.onData?.(bytes);
  }

  close(): void {
    this.end(undefined);
  }

  /** Closes the channel; `error` is the reason. */
  end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.onClose?.(error);
  }
}

/** The control channel: long messages are cut into pages, of which only so many are under way. */
export class ControlChannel extends PortChannel {
  readonly #waiting: Uint8Array[] = [];
  #underWay = 0;

  override send(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += PORT_PAGE)
      this.#waiting.push(bytes.subarray(at, at + PORT_PAGE));
    this.#flush();
  }

  /** The machine took a full page. */
  pageTaken(): void {
    this.#underWay--;
    this.#flush();
  }

  #flush(): void {
    while (this.#waiting.length && this.#underWay < CONTROL_WINDOW) {
      const page = this.#waiting.shift() as Uint8Array;
      if (page.length === PORT_PAGE) this.#underWay++;
      super.send(page);
    }
  }
}
