/** The guest's first serial port: what it sent, kept for whoever asks later, and a way to type. */
import type { SerialFeed } from "../model/model.ts";

/** Characters kept; up to twice as many until the next cut, as each cut copies them all. */
const MOST_TEXT = 2 ** 20;
/** Bytes are handed on in batches: one call a byte would cost more than the byte. */
const GATHER_MS = 16;

/** What is used of v86. */
export interface SerialEmulator {
  add_listener(event: "serial0-output-byte", listener: (byte: number) => void): void;
  serial_send_bytes(serial: number, data: Uint8Array): void;
}

export class SerialPort implements SerialFeed {
  readonly #data = new Set<(bytes: Uint8Array) => void>();
  readonly #starts = new Set<() => void>();
  #decoder = new TextDecoder();
  #gathered: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #text = "";
  #emulator: SerialEmulator | undefined;

  get text(): string {
    this.flush();
    return this.#text.slice(-MOST_TEXT);
  }

  /** Listens to a new machine; what the old one might still say is ignored. */
  connect(emulator: SerialEmulator): void {
    this.#emulator = emulator;
    emulator.add_listener("serial0-output-byte", (byte) => {
      if (this.#emulator === emulator) this.#receive(byte);
    });
    this.started();
  }

  /** The machine starts from the beginning: `text` does, too. */
  started(): void {
    this.flush();
    this.#text = "";
    this.#decoder = new TextDecoder();
    for (const listener of this.#starts) listener();
  }

  /** Types `text`, as UTF-8. @returns false when there is no machine. */
  send(text: string): boolean {
    this.#emulator?.serial_send_bytes(0, new TextEncoder().encode(text));
    return this.#emulator !== undefined;
  }

  onData(listener: (bytes: Uint8Array) => void): () => void {
    this.#data.add(listener);
    return () => this.#data.delete(listener);
  }

  onStart(listener: () => void): () => void {
    this.#starts.add(listener);
    return () => this.#starts.delete(listener);
  }

  #receive(byte: number): void {
    this.#gathered.push(byte);
    this.#timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Hands on what has been gathered. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.#gathered.length) return;
    const bytes = Uint8Array.from(this.#gathered);
    this.#gathered = [];
    this.#text += this.#decoder.decode(bytes, { stream: true });
    if (this.#text.length > 2 * MOST_TEXT) this.#text = this.#text.slice(-MOST_TEXT);
    for (const listener of this.#data) listener(bytes);
  }
}
