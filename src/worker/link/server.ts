/**
 * The worker's side of the link: carries out what the page posted, in order, then sleeps until the page has something
 * for it to do. It never spins: the page answers reads by itself (proxy.ts), and the event loop has answers to bring.
 */
import type { AccessSize } from "../../device/frontend/port.ts";
import { TIS } from "../../device/tis/front-end.ts";
import {
  fence,
  LINK,
  type LinkMemory,
  mapLink,
  OPERATION,
  operationKind,
  operationOffset,
  operationSize,
  RING_SIZE,
  ringIndex,
  SLEEP,
} from "./layout.ts";

/** False where only messages can wake a worker that keeps its event loop. */
export const CAN_WAIT = "waitAsync" in Atomics;

/** What the server needs of the device. */
export interface ServedDevice {
  read(address: number, size: AccessSize): number;
  write(address: number, size: AccessSize, value: number): void;
}

export interface LinkServerOptions {
  memory: LinkMemory;
  device: ServedDevice;
  /** First address of the device's window; the FIFO interface's by default. */
  base?: number;
  /** The machine was reset, for the n-th time. Called between the accesses before and after the reset. */
  onReset: (number: number) => void;
  /** True while somebody waits for the next move of the command interface, so that the page has to tell each at once. */
  attentive?: () => boolean;
  /** Sleep with `Atomics.waitAsync`, the default where there is one; else whoever wakes the worker calls `serve`. */
  waitAsync?: boolean;
}

/** What the server has done so far. */
export interface LinkStats {
  /** Operations carried out. */
  operations: number;
  /** How often the worker was woken, or went on by itself. */
  turns: number;
}

export class LinkServer {
  readonly #control: Int32Array;
  readonly #ring: Int32Array;
  readonly #options: LinkServerOptions;
  readonly #turn = new MessageChannel();
  #turns = 0;
  #done = 0;
  /** The value of `BELL` that is waited for with `waitAsync`; undefined when nobody waits. */
  #awaited: number | undefined;
  #serving = false;
  #closed = false;

  constructor(options: LinkServerOptions) {
    this.#options = options;
    const { control, ring } = mapLink(options.memory);
    this.#control = control;
    this.#ring = ring;
    this.#turn.port1.onmessage = () => this.serve();
    // The device was made, and the page may have looked before.
    this.change(() => undefined);
    this.serve();
  }

  get stats(): Readonly<LinkStats> {
    return { operations: this.#done >>> 0, turns: this.#turns };
  }

  /** Carries out what is posted, then sleeps. To be called, too, when a doorbell message arrives. */
  serve(): void {
    if (this.#closed || this.#serving) return;
    this.#serving = true;
    this.#turns++;
    Atomics.store(this.#control, LINK.ASLEEP, SLEEP.AWAKE);
    try {
      this.#drain();
    } finally {
      this.#serving = false;
    }
    this.#sleep();
  }

  /** Changes the device's state for a reason of the worker's own. Readers on the page never see it half done. */
  change<T>(work: () => T): T {
    const control = this.#control;
    Atomics.add(control, LINK.SEQUENCE, 1);
    fence(control, LINK.WORKER_FENCE);
    try {
      return work();
    } finally {
      Atomics.add(control, LINK.SEQUENCE, 1);
    }
  }

  close(): void {
    this.#closed = true;
    this.#turn.port1.close();
    Atomics.add(this.#control, LINK.BELL, 1);
    Atomics.notify(this.#control, LINK.BELL);
  }

  /** At most a ring full: what comes meanwhile waits until the event loop has had its turn. */
  #drain(): void {
    const control = this.#control;
    for (let left = RING_SIZE; left > 0 && Atomics.load(control, LINK.POSTED) !== this.#done; left--) {
      const at = ringIndex(this.#done);
      this.#carryOut(this.#ring[at]!, this.#ring[at + 1]!);
      this.#done = (this.#done + 1) | 0;
      Atomics.store(control, LINK.DONE, this.#done);
    }
  }

  #carryOut(word: number, value: number): void {
    const { device, base = TIS.window.base, onReset } = this.#options;
    const address = base + operationOffset(word);
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
        onReset(value);
        break;
    }
  }

  #sleep(): void {
    const control = this.#control;
    const bell = Atomics.load(control, LINK.BELL);
    Atomics.store(control, LINK.ASLEEP, this.#options.attentive?.() ? SLEEP.LIGHT : SLEEP.DEEP);
    if (Atomics.load(control, LINK.POSTED) !== this.#done) {
      // Something came between the last look and the announcement.
      Atomics.store(control, LINK.ASLEEP, SLEEP.AWAKE);
      this.#turn.port2.postMessage(undefined);
      return;
    }
    if (CAN_WAIT && this.#options.waitAsync !== false) this.#await(bell);
  }

  #await(bell: number): void {
    if (this.#awaited === bell) return;
    const wait = Atomics.waitAsync(this.#control, LINK.BELL, bell);
    if (!wait.async) {
      this.#turn.port2.postMessage(undefined);
      return;
    }
    this.#awaited = bell;
    void wait.value.then(() => {
      if (this.#awaited === bell) this.#awaited = undefined;
      this.serve();
    });
  }
}
