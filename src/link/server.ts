/**
 * The worker's side of the link: carries out what the page posted, in order, then waits. Between commands it spins for
 * a moment before it sleeps, because a driver's next access comes within microseconds; while a TPM command runs it
 * sleeps at once, so that the event loop can receive the answer.
 */
import type { AccessSize } from "../tis/ports.ts";
import {
  LINK,
  type LinkMemory,
  mapLink,
  OPERATION,
  operationKind,
  operationOffset,
  operationSize,
  ringIndex,
} from "./layout.ts";
import { addressOf } from "./proxy.ts";

/** How long the worker spins for the next operation, in milliseconds. */
const SPIN_MS = 0.15;
const SPINS_PER_LOOK = 64;
const HEARTBEAT_MS = 500;

/** What the server needs of the device. */
export interface ServedDevice {
  read(address: number, size: AccessSize): number;
  write(address: number, size: AccessSize, value: number): void;
  /** True while a command runs. */
  readonly executing: boolean;
}

export interface LinkServerOptions {
  memory: LinkMemory;
  device: ServedDevice;
  /** The machine was reset. */
  onReset: () => void;
}

type WaitAsync = (
  array: Int32Array,
  index: number,
  value: number,
) => { async: false; value: string } | { async: true; value: Promise<string> };

export class LinkServer {
  readonly #control: Int32Array;
  readonly #ring: Int32Array;
  readonly #options: LinkServerOptions;
  readonly #heart: ReturnType<typeof setInterval>;
  #done = 0;
  #serving = false;
  #closed = false;

  constructor(options: LinkServerOptions) {
    this.#options = options;
    const { control, ring } = mapLink(options.memory);
    this.#control = control;
    this.#ring = ring;
    this.#heart = setInterval(() => Atomics.add(control, LINK.HEARTBEAT, 1), HEARTBEAT_MS);
    this.serve();
  }

  /** Carries out what is posted, then sleeps. To be called, too, when a doorbell message arrives. */
  serve(): void {
    if (this.#closed || this.#serving) return;
    this.#serving = true;
    this.#drain();
    this.#spin();
    this.#serving = false;
    this.#sleep();
  }

  /**
   * Changes the device's state for a reason of the worker's own. Readers on the page never see it half done.
   */
  change<T>(work: () => T): T {
    Atomics.add(this.#control, LINK.SEQUENCE, 1);
    try {
      return work();
    } finally {
      Atomics.add(this.#control, LINK.SEQUENCE, 1);
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#heart);
    Atomics.add(this.#control, LINK.BELL, 1);
    Atomics.notify(this.#control, LINK.BELL);
  }

  #drain(): boolean {
    const control = this.#control;
    if (Atomics.load(control, LINK.POSTED) === this.#done) return false;
    while (Atomics.load(control, LINK.POSTED) !== this.#done) {
      const at = ringIndex(this.#done);
      this.#carryOut(this.#ring[at] as number, this.#ring[at + 1] as number);
      this.#done = (this.#done + 1) | 0;
      Atomics.store(control, LINK.DONE, this.#done);
    }
    return true;
  }

  #carryOut(word: number, value: number): void {
    const { device, onReset } = this.#options;
    const address = addressOf(operationOffset(word));
    const size = operationSize(word) as AccessSize;
    switch (operationKind(word)) {
      case OPERATION.WRITE:
        device.write(address, size, value);
        break;
      case OPERATION.READ:
        device.read(address, size);
        break;
      case OPERATION.CONSUME:
        for (let left = value; left > 0; left--) device.read(address, 1);
        break;
      case OPERATION.RESET:
        onReset();
        break;
    }
  }

  #spin(): void {
    let until = performance.now() + SPIN_MS;
    for (let spins = 1; !this.#options.device.executing; spins++) {
      if (this.#drain()) until = performance.now() + SPIN_MS;
      else if (spins % SPINS_PER_LOOK === 0 && performance.now() > until) return;
    }
  }

  #sleep(): void {
    const control = this.#control;
    const bell = Atomics.load(control, LINK.BELL);
    Atomics.store(control, LINK.ASLEEP, 1);
    if (Atomics.load(control, LINK.POSTED) !== this.#done) {
      // Something came between the last look and the announcement.
      Atomics.store(control, LINK.ASLEEP, 0);
      queueMicrotask(() => this.serve());
      return;
    }
    const waitAsync = (Atomics as unknown as { waitAsync?: WaitAsync }).waitAsync;
    if (!waitAsync) return; // The page's doorbell message calls serve().
    const wait = waitAsync(control, LINK.BELL, bell);
    if (wait.async) wait.value.then(() => this.serve());
    else queueMicrotask(() => this.serve());
  }
}
