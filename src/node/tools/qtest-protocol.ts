/**
 * QEMU's qtest line protocol, as far as it reads and writes memory: `readb|readw|readl ADDR` and
 * `writeb|writew|writel ADDR VALUE`, answered `OK`, `OK 0x...` or `FAIL ...`; `irq_intercept_in NAME` makes changes
 * of the interrupt line appear as `IRQ raise N` and `IRQ lower N`. `reset` is this project's own: a power cycle.
 */

import type { AccessSize, MmioDevice } from "../../device/tis/ports.ts";
import { own } from "../../protocol/bytes/own.ts";

/** What the protocol serves. */
export interface QtestTarget {
  device: MmioDevice;
  /** Number of the interrupt line in `IRQ` lines. */
  irq: number;
  /** A power cycle, TPM included. */
  reset(): Promise<void>;
}

const SIZES: Readonly<Record<string, AccessSize>> = { b: 1, w: 2, l: 4 };
const ACCESS = /^(read|write)([bwl])$/;
/** As C's strtoul takes it: hexadecimal, octal or decimal by prefix. */
const NUMBER = /^(0x[0-9a-f]{1,16}|0[0-7]*|[1-9][0-9]*)$/i;

/**
 * Serves one connection: text in, lines out. The lines of one piece of text are answered in one go, as QEMU does it,
 * so that nothing happens between two accesses that came together.
 */
export class QtestSession {
  readonly #target: QtestTarget;
  readonly #send: (line: string) => void;
  #intercepting = false;
  #received = "";
  /** A power cycle is under way; what follows waits. */
  #resetting = false;

  /** @param send takes a line without its end. */
  constructor(target: QtestTarget, send: (line: string) => void) {
    this.#target = target;
    this.#send = send;
  }

  /** Takes text as it arrives; a line may come in pieces. */
  receive(text: string): void {
    this.#received += text;
    this.#serve();
  }

  /** The interrupt line's level changed. */
  irq(raised: boolean): void {
    if (this.#intercepting) this.#send(`IRQ ${raised ? "raise" : "lower"} ${this.#target.irq}`);
  }

  #serve(): void {
    let begin = 0;
    while (!this.#resetting) {
      const end = this.#received.indexOf("\n", begin);
      if (end < 0) break;
      this.#serveLine(this.#received.slice(begin, end));
      begin = end + 1;
    }
    this.#received = this.#received.slice(begin);
  }

  #serveLine(line: string): void {
    const [command = "", ...args] = line.trim().split(/\s+/);
    if (command === "reset" && args.length === 0) this.#reset();
    else this.#send(this.#answer(command, args));
  }

  #reset(): void {
    this.#resetting = true;
    const done = (answer: string) => {
      this.#resetting = false;
      this.#send(answer);
      this.#serve();
    };
    this.#target.reset().then(
      () => done("OK"),
      (error: unknown) => done(`FAIL reset: ${error instanceof Error ? error.message : error}`),
    );
  }

  #answer(command: string, args: string[]): string {
    const access = ACCESS.exec(command);
    if (access) return this.#access(access[1]!, own(SIZES, access[2]!)!, args);
    if (command === "irq_intercept_in" && args.length === 1) {
      this.#intercepting = true;
      return "OK";
    }
    return command === "" ? "FAIL Empty command" : `FAIL Unknown command '${command}'`;
  }

  #access(direction: string, size: AccessSize, args: string[]): string {
    const wanted = direction === "read" ? 1 : 2;
    const numbers = args.map(parseNumber);
    const [address, value] = numbers;
    if (numbers.length !== wanted || address === undefined) return `FAIL ${direction}: address expected`;
    if (direction === "write") {
      if (value === undefined) return "FAIL write: address and value expected";
      if (address <= 0xffff_ffffn) this.#target.device.write(Number(address), size, low32(value));
      return "OK";
    }
    const inReach = address <= 0xffff_ffffn;
    const read = inReach ? this.#target.device.read(Number(address), size) : 2 ** (8 * size) - 1;
    return `OK 0x${read.toString(16).padStart(16, "0")}`;
  }
}

const low32 = (value: bigint) => Number(value & 0xffff_ffffn);

function parseNumber(text: string): bigint | undefined {
  if (!NUMBER.test(text)) return undefined;
  const octal = /^0[0-7]+$/.test(text);
  return BigInt(octal ? `0o${text.slice(1)}` : text);
}
