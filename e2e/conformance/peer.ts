/** One end of QEMU's qtest protocol: lines out, answers in order, and the level of the interrupt line. */
import { createServer, type Socket } from "node:net";
import { withTimeout } from "./timeout.ts";

const ANSWER_MS = 30_000;
/** The TPM's interrupt among those that QEMU reports. */
const TPM_IRQ = "5";

export class QtestPeer {
  readonly #socket: Socket;
  readonly #answers: string[] = [];
  #waiting: (() => void) | undefined;
  #rest = "";
  #closed = false;
  /** Level of the TPM's interrupt line, as far as answers have been received. */
  irq = false;

  constructor(
    readonly name: string,
    socket: Socket,
  ) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#receive(text));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
      this.#waiting?.();
    });
  }

  /** Sends lines as one piece of text. */
  send(lines: string[]): void {
    this.#socket.write(lines.map((line) => `${line}\n`).join(""));
  }

  /** The next answer, without `OK`: the hexadecimal value of a read, or nothing. */
  async answer(): Promise<string> {
    while (this.#answers.length === 0) {
      if (this.#closed) throw new Error(`${this.name} has closed the connection`);
      const arrival = new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
      await withTimeout(arrival, ANSWER_MS, `${this.name} does not answer`);
    }
    const answer = this.#answers.shift()!;
    if (!answer.startsWith("OK")) throw new Error(`${this.name} answered '${answer}'`);
    return answer.slice(3);
  }

  /** Sends one line and gives its answer. */
  ask(line: string): Promise<string> {
    this.send([line]);
    return this.answer();
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop()!;
    for (const line of lines) {
      const irq = /^IRQ (raise|lower) (\d+)$/.exec(line);
      if (!irq) this.#answers.push(line);
      else if (irq[2] === TPM_IRQ) this.irq = irq[1] === "raise";
    }
    this.#waiting?.();
  }
}

/** Listens on a Unix socket for the one program that will connect. */
export function listenOnce(path: string): { connection: Promise<Socket>; ready: Promise<void> } {
  const server = createServer();
  const connection = new Promise<Socket>((resolve, reject) => {
    server.once("error", reject);
    server.once("connection", (socket) => {
      server.close();
      resolve(socket);
    });
  });
  const ready = new Promise<void>((resolve) => server.listen(path, resolve));
  return { connection, ready };
}
