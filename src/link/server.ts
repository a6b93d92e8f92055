/**
 * The worker's side of the link: carries out what the page posted, in order, then waits. Between operations it spins
 * for a moment before it sleeps, because a driver's next access comes within microseconds; while an answer is due that
 * only the event loop can bring, it sleeps at once.
 */
import { type AccessSize, TIS_BASE } from "../tis/ports.ts";
import {
  fence,
  LINK,
  type LinkMemory,
  mapLink,
  OPERATION,
  operationKind,
  operationOffset,
  operationSize,
  ringIndex,
} from "./layout.ts";

/** How long the worker spins for the next operation, in milliseconds. */
const SPIN_MS = 0.2;
/**
 * Woken so soon after a spin in which nothing came, in milliseconds, the worker has probably kept the page from the
 * only processor there was. After a few such spins in a row it does without for many wakes.
 */
const QUICK_WAKE_MS = 0.1;
const FUTILE_SPINS = 4;
const WAKES_WITHOUT_SPIN = 64;
const SPINS_PER_LOOK = 64;
/** Two looks at the clock further apart than this mean that others want this processor. */
const STARVED_MS = 1;
/** After this long without a pause the event loop has a turn, in milliseconds. */
const TURN_MS = 8;
/** Operations between two looks at the clock, at most. */
const OPERATIONS_PER_LOOK = 256;

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
  /** The machine was reset, for the n-th time. Called between the accesses before and after the reset. */
  onReset: (number: number) => void;
  /** True while an answer is due that comes by the event loop: spinning would only keep it away. */
  waiting?: () => boolean;
  /** Sleep with `Atomics.waitAsync`, the default where there is one; else whoever wakes the worker calls `serve`. */
  waitAsync?: boolean;
}

/** What the server has done so far. */
export interface LinkStats {
  /** Operations carried out. */
  operations: number;
  /** How often the worker slept. */
  sleeps: number;
  /** Milliseconds spent spinning for nothing. */
  spunMs: number;
}

export class LinkServer {
  readonly #control: Int32Array;
  readonly #ring: Int32Array;
  readonly #options: LinkServerOptions;
  readonly #turn = new MessageChannel();
  readonly #stats: LinkStats = { operations: 0, sleeps: 0, spunMs: 0 };
  #done = 0;
  /** When the last spin in which nothing came ended. */
  #futileAt = Number.NEGATIVE_INFINITY;
  #futileSpins = 0;
  #wakesWithoutSpin = 0;
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
    this.serve();
  }

  get stats(): Readonly<LinkStats> {
    return { ...this.#stats, operations: this.#done >>> 0 };
  }

  /** Carries out what is posted, then sleeps. To be called, too, when a doorbell message arrives. */
  serve(): void {
    if (this.#closed || this.#serving) return;
    this.#serving = true;
    Atomics.store(this.#control, LINK.ASLEEP, 0);
    let idle: boolean;
    try {
      idle = this.#work();
    } finally {
      this.#serving = false;
    }
    if (idle) this.#sleep();
    else this.#turn.port2.postMessage(undefined);
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

  /** Carries out operations until none came for a while: true; or until the event loop must have its turn: false. */
  #work(): boolean {
    const began = performance.now();
    this.#drain();
    if (!this.#spinPays(began)) return true;
    let last = began;
    let look = began;
    let came = false;
    for (let spins = 1; !this.#options.waiting?.(); spins++) {
      const drained = this.#drain();
      if (!drained && spins % SPINS_PER_LOOK !== 0) continue;
      const now = performance.now();
      if (drained) {
        came = true;
        last = now;
        if (now - began > TURN_MS) return false;
      } else if (now - last > SPIN_MS || now - look > STARVED_MS) {
        if (!came) this.#futileAt = now;
        break;
      }
      look = now;
    }
    this.#stats.spunMs += performance.now() - last;
    return true;
  }

  #spinPays(now: number): boolean {
    if (this.#wakesWithoutSpin > 0) {
      this.#wakesWithoutSpin--;
      return false;
    }
    this.#futileSpins = now - this.#futileAt < QUICK_WAKE_MS ? this.#futileSpins + 1 : 0;
    if (this.#futileSpins < FUTILE_SPINS) return true;
    this.#futileSpins = 0;
    this.#wakesWithoutSpin = WAKES_WITHOUT_SPIN;
    return false;
  }

  #drain(): boolean {
    const control = this.#control;
    if (Atomics.load(control, LINK.POSTED) === this.#done) return false;
    let left = OPERATIONS_PER_LOOK;
    do {
      const at = ringIndex(this.#done);
      this.#carryOut(this.#ring[at]!, this.#ring[at + 1]!);
      this.#done = (this.#done + 1) | 0;
      Atomics.store(control, LINK.DONE, this.#done);
    } while (--left > 0 && Atomics.load(control, LINK.POSTED) !== this.#done);
    return true;
  }

  #carryOut(word: number, value: number): void {
    const { device, onReset } = this.#options;
    const address = TIS_BASE + operationOffset(word);
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
    Atomics.store(control, LINK.ASLEEP, 1);
    if (Atomics.load(control, LINK.POSTED) !== this.#done) {
      // Something came between the last look and the announcement.
      Atomics.store(control, LINK.ASLEEP, 0);
      this.#turn.port2.postMessage(undefined);
      return;
    }
    this.#stats.sleeps++;
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
