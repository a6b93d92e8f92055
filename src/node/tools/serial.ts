/** Talking to a guest through its serial port: wait for text, type, run shell commands. For tools and tests. */
import type { V86Emulator } from "../../machine/v86/v86-internals.ts";

/** A guest did not say what was waited for. */
export class SerialTimeoutError extends Error {
  override name = "SerialTimeoutError";
}

/** How much of the output an error message quotes. */
const QUOTED = 1500;

export class Serial {
  readonly #send: (text: string) => void;
  readonly #listeners = new Set<() => void>();
  #text = "";
  /** Up to here `expect` has consumed the text. */
  #seen = 0;

  /** What the guest's shell prints when it takes commands; `run` waits for it after a command where it is known. */
  prompt: string | undefined;
  /** Called with each piece of output, for echoing it elsewhere. */
  onOutput: ((text: string) => void) | undefined;

  constructor(emulator: V86Emulator & { serial0_send(data: string): void }) {
    this.#send = (text) => emulator.serial0_send(text);
    emulator.add_listener("serial0-output-byte", (byte: number) => this.#receive(String.fromCharCode(byte)));
  }

  /** Everything that the guest has sent. */
  get text(): string {
    return this.#text;
  }

  /** Types `text`; a line ends with "\n". */
  send(text: string): void {
    this.#send(text);
  }

  /**
   * Waits until `pattern` appears in what no earlier `expect` has consumed, and consumes the text up to its end.
   * @param timeoutMs host milliseconds.
   * @throws {SerialTimeoutError} quoting the end of the output.
   */
  expect(pattern: string | RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const wanted =
      typeof pattern === "string" ? new RegExp(pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")) : pattern;
    return new Promise((resolve, reject) => {
      const check = () => {
        const match = wanted.exec(this.#text.slice(this.#seen));
        if (!match) return;
        this.#seen += match.index + match[0].length;
        finish();
        resolve(match);
      };
      const timer = setTimeout(() => {
        finish();
        const tail = this.#text.slice(-QUOTED);
        reject(
          new SerialTimeoutError(
            `no ${wanted} from the guest within ${timeoutMs} ms; its last words:\n${tail}`,
          ),
        );
      }, timeoutMs);
      const finish = () => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
    });
  }

  /**
   * Runs a command in the guest's shell, which must stand at its prompt.
   * @returns what it printed, and its exit status.
   */
  async run(command: string, timeoutMs = 20_000): Promise<{ output: string; status: number }> {
    // The typed line is echoed; the quotes keep the marks in the echo from looking like the marks in the output.
    this.#send(`echo @''@; ${command}; echo @@$?''@@\n`);
    await this.expect(/(?<![\w'])@@\r?\n/, timeoutMs);
    const from = this.#seen;
    const end = await this.expect(/@@(\d+)@@\r?\n/, timeoutMs);
    const output = this.#text.slice(from, this.#seen - end[0].length).replaceAll("\r", "");
    if (this.prompt) await this.expect(this.prompt, timeoutMs);
    return { output, status: Number(end[1]) };
  }

  #receive(text: string): void {
    this.#text += text;
    this.onOutput?.(text);
    for (const listener of this.#listeners) listener();
  }
}
