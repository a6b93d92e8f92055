/**
 * A worker that does nothing but sleep, exact to 0.1 ms, and tell when it wakes. A new request ends the sleep before
 * it.
 */

/** The cells of the memory that page and worker share: how often a sleep was asked for, and for how long. */
export const ASKED = 0;
export const MICROSECONDS = 1;
/** Longest sleep, in microseconds. */
const LONGEST = 2 ** 31 - 1;

export class Sleeper {
  readonly #cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  readonly #worker: Worker;
  readonly #woken: MessagePort;
  #tick = 0;

  /** @param wake gets the number that was given with the request. */
  constructor(wake: (tick: number) => void) {
    // As v86 does with its own: a page that embeds the machine need not know of one more file.
    const url = URL.createObjectURL(new Blob([`(${sleepForOthers})()`], { type: "text/javascript" }));
    this.#worker = new Worker(url, { name: "WebTPM sleeper" });
    URL.revokeObjectURL(url);
    const { port1, port2 } = new MessageChannel();
    this.#woken = port1;
    port1.onmessage = (event: MessageEvent<number>) => {
      if (event.data === this.#cells[ASKED]) wake(this.#tick);
    };
    this.#worker.postMessage([this.#cells, port2, ASKED, MICROSECONDS], [port2]);
  }

  sleep(milliseconds: number, tick: number): void {
    this.#tick = tick;
    askForSleep(this.#cells, milliseconds);
  }

  end(): void {
    this.#woken.close();
    this.#worker.terminate();
  }
}

/** Asks the worker that has these cells to sleep. */
export function askForSleep(cells: Int32Array, milliseconds: number): void {
  Atomics.store(cells, MICROSECONDS, Math.min(milliseconds * 1000, LONGEST));
  Atomics.add(cells, ASKED, 1);
  Atomics.notify(cells, ASKED);
}

/** Runs in the worker, from its text alone: it may use nothing of this file. */
export function sleepForOthers(): void {
  globalThis.onmessage = ({ data }: MessageEvent<[Int32Array, MessagePort, number, number]>) => {
    const [cells, port, asked, microseconds] = data;
    for (let seen = 0; ; ) {
      Atomics.wait(cells, asked, seen);
      seen = Atomics.load(cells, asked);
      const end = performance.now() + Atomics.load(cells, microseconds) / 1000;
      let ended: string;
      // The notification of this very request may come only now, and is no new one: the sleep goes on.
      do ended = Atomics.wait(cells, asked, seen, end - performance.now());
      while (ended === "ok" && Atomics.load(cells, asked) === seen);
      if (ended === "timed-out") port.postMessage(seen);
    }
  };
}
