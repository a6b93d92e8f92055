/** Finds out a worker whose event loop stands still; see `Silence` for when it counts as stuck. */
import { Silence } from "./silence.ts";

/** How often the worker is asked whether it lives, in milliseconds. */
const PING_MS = 1000;

export class WorkerWatch {
  readonly #silence = new Silence();
  readonly #timer: ReturnType<typeof setInterval>;
  #witness: Witness | undefined;

  /**
   * @param ping asks the worker; resolves when it has answered. A failure means nothing: a dead worker tells so itself.
   * @param stuck called once, when the worker goes on no more; the watch has ended then.
   */
  constructor(ping: () => Promise<void>, stuck: () => void) {
    this.#timer = setInterval(() => {
      const doubt = this.#silence.turn();
      if (doubt === "stuck") {
        this.end();
        stuck();
        return;
      }
      if (doubt === "call a witness") {
        this.#witness ??= callWitness(() => this.#silence.testified());
        this.#witness.ask();
      }
      ping().then(
        () => this.#answered(),
        () => undefined,
      );
    }, PING_MS);
  }

  /** The worker has said something: it has been loaded. */
  spoke(): void {
    this.#silence.spoke();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#witness?.end();
    this.#witness = undefined;
  }

  #answered(): void {
    this.#silence.answered();
    this.#witness?.end();
    this.#witness = undefined;
  }
}

interface Witness {
  ask(): void;
  end(): void;
}

/** A worker with nothing to do but to answer. Where a page may have none, it is heard whenever it is asked. */
function callWitness(heard: () => void): Witness {
  const script = new Blob(["onmessage = () => postMessage(0);"], { type: "text/javascript" });
  const url = URL.createObjectURL(script);
  const worker = new Worker(url, { name: "WebTPM witness" });
  let asked: () => void = () => worker.postMessage(0);
  worker.onmessage = () => heard();
  worker.onerror = () => {
    asked = heard;
  };
  return {
    ask: () => asked(),
    end() {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
}
