/**
 * SeaBIOS's debug console: firmware that reads 0xE9 from port 0x402 writes its log there, character by character
 * (the convention of QEMU's `isa-debugcon` device).
 */
import type { V86Io } from "./v86-internals.ts";

const PORT = 0x402;
const PRESENT = 0xe9;
const NEWLINE = 0x0a;

export class FirmwareLog {
  readonly #listeners = new Set<(line: string) => void>();
  #line = "";

  constructor(io: V86Io) {
    io.register_read(PORT, this, () => PRESENT);
    io.register_write(PORT, this, (value) => this.#put(value & 0xff));
  }

  /** Calls back with each whole line, without its end. */
  onLine(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #put(character: number): void {
    if (character !== NEWLINE) {
      this.#line += String.fromCharCode(character);
      return;
    }
    const line = this.#line;
    this.#line = "";
    for (const listener of this.#listeners) listener(line);
  }
}
