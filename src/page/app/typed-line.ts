/** A line that was typed for the reader, until the guest's shell asks for the next one: nothing is typed into it meanwhile. */
import type { SerialFeed } from "../model/model.ts";
import { takesLine } from "../model/prompt.ts";

/** Characters that are looked at. */
const TAIL = 200;

export class TypedLine {
  readonly #changed: () => void;
  readonly #decoder = new TextDecoder();
  #line: string | undefined;
  #said = "";

  /** @param changed called when the shell is free again */
  constructor(serial: Pick<SerialFeed, "onData" | "onStart">, changed: () => void) {
    this.#changed = changed;
    serial.onData((bytes) => this.#heard(bytes));
    serial.onStart(() => this.#end());
  }

  /** What the shell is busy with; undefined when it is free. */
  get line(): string | undefined {
    return this.#line;
  }

  begin(line: string): void {
    this.#line = line;
    this.#said = "";
  }

  #heard(bytes: Uint8Array): void {
    if (this.#line === undefined) return;
    this.#said = (this.#said + this.#decoder.decode(bytes, { stream: true })).slice(-TAIL);
    // The echo of the line ends with a new one; before that, the prompt may be the one that it was typed at.
    if (this.#said.includes("\n") && takesLine(this.#said)) this.#end();
  }

  #end(): void {
    if (this.#line === undefined) return;
    this.#line = undefined;
    this.#changed();
  }
}
