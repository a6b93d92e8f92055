/**
 * The page's side of a device that lives in a worker. A write is posted and not waited for. A read sees every write
 * before it: reads without side effects are answered from the device's state in shared memory once the worker has
 * done what was posted. Response bytes are served from that memory too, and their number told to the worker with the
 * next write, so that neither polling nor a long response costs a round trip.
 *
 * A worker that does not answer within a quarter of a second is given up: the link is broken, every register reads
 * 0 (failure mode), and the page goes on.
 */
import type { AccessSize, MmioDevice } from "../tis/ports.ts";
import { isFifo, isPureRead, TisView, windowOffset } from "../tis/view.ts";
import {
  distance,
  fence,
  LINK,
  type LinkMemory,
  mapLink,
  OFFSET_LIMIT,
  OPERATION,
  packOperation,
  RING_SIZE,
  ringIndex,
} from "./layout.ts";

/** How long a read waits for the worker, in milliseconds. */
export const READ_LIMIT_MS = 250;
/** Spins between two looks at the clock. */
const SPINS_PER_LOOK = 256;
/** Two looks further apart than this mean that the thread did not run meanwhile; nor, perhaps, did the worker. */
const LONGEST_LOOK_MS = 1;
const LOCALITY_SHIFT = 12;
const WORD_MASK = 0xffc;

/** The device worker is dead or stuck. */
export class LinkBrokenError extends Error {
  override name = "LinkBrokenError";
}

export interface MmioProxyOptions {
  memory: LinkMemory;
  /** Wakes the worker where `Atomics.waitAsync` is missing: a message to it. */
  ring?: () => void;
  /** Called once when the worker is given up, from within an access perhaps. */
  onBroken?: (error: LinkBrokenError) => void;
  /** See {@link READ_LIMIT_MS}. */
  limitMs?: number;
}

export class MmioProxy implements MmioDevice {
  readonly #control: Int32Array;
  readonly #ring: Int32Array;
  readonly #view: TisView;
  readonly #ringBell: (() => void) | undefined;
  readonly #onBroken: ((error: LinkBrokenError) => void) | undefined;
  readonly #limitMs: number;
  #posted: number;
  /** Response bytes that were read here and not yet told to the worker, and the offset at which they were read. */
  #ahead = 0;
  #aheadOffset = 0;
  #broken = false;

  constructor(options: MmioProxyOptions) {
    const { control, ring } = mapLink(options.memory);
    this.#control = control;
    this.#ring = ring;
    this.#view = new TisView(options.memory.state);
    this.#ringBell = options.ring;
    this.#onBroken = options.onBroken;
    this.#limitMs = options.limitMs ?? READ_LIMIT_MS;
    this.#posted = Atomics.load(control, LINK.POSTED);
  }

  /** True once the worker was given up. */
  get broken(): boolean {
    return this.#broken;
  }

  read(address: number, size: AccessSize): number {
    const value = this.peek(address, size);
    if (!isPureRead(address, size) && !this.#broken) this.#consume(address, size);
    return value;
  }

  /** What a read would give, without its side effects. Waits for what was posted. */
  peek(address: number, size: AccessSize): number {
    const control = this.#control;
    if (Atomics.load(control, LINK.DONE) !== this.#posted && !this.settle()) return 0;
    while (!this.#broken) {
      const before = Atomics.load(control, LINK.SEQUENCE);
      const value = this.#view.peek(address, size, this.#ahead);
      fence(control, LINK.PAGE_FENCE);
      if (Atomics.load(control, LINK.SEQUENCE) === before && (before & 1) === 0) return value;
      this.#waitUntil(() => (Atomics.load(control, LINK.SEQUENCE) & 1) === 0);
    }
    return 0;
  }

  write(address: number, size: AccessSize, value: number): void {
    if (this.#ahead !== 0) this.flush();
    const offset = windowOffset(address);
    if (offset < OFFSET_LIMIT) this.#post(OPERATION.WRITE, size, offset, value);
  }

  /** The machine was reset: ordered with the accesses before and after it. @param number what the worker is told. */
  reset(number: number): void {
    this.#ahead = 0;
    this.#post(OPERATION.RESET, 0, 0, number);
  }

  /** Tells the worker of response bytes that were read. */
  flush(): void {
    const count = this.#ahead;
    this.#ahead = 0;
    if (count !== 0) this.#post(OPERATION.CONSUME, 1, this.#aheadOffset, count);
  }

  /**
   * Waits until the worker has done what was posted; to be preceded by `flush()` where the worker's own view of the
   * device counts, e.g. before a snapshot.
   * @returns false when the link is broken.
   */
  settle(): boolean {
    return !this.#broken && this.#waitUntil(() => Atomics.load(this.#control, LINK.DONE) === this.#posted);
  }

  /** Gives the worker up, e.g. because it has ended. @param reason what happened, for people. */
  break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#onBroken?.(new LinkBrokenError(reason));
  }

  /** The side effect of a read that has been answered. */
  #consume(address: number, size: AccessSize): void {
    const offset = windowOffset(address);
    if (!isFifo(offset & WORD_MASK) || (offset & (size - 1)) !== 0) {
      // Cut in pieces by the bus, some of which may lie in the FIFO.
      this.flush();
      if (offset < OFFSET_LIMIT) this.#post(OPERATION.READ, size, offset, 0);
      return;
    }
    if (offset >>> LOCALITY_SHIFT !== this.#view.activeLocality) return;
    const left = this.#view.responseLeft - this.#ahead;
    if (left <= 0) return;
    this.#ahead += Math.min(size, left);
    this.#aheadOffset = offset;
    if (left <= size && this.#view.lastByteInterrupts) this.flush();
  }

  #post(kind: number, size: number, offset: number, value: number): void {
    if (this.#broken) return;
    const control = this.#control;
    if (this.#backlog() >= RING_SIZE && !this.#waitUntil(() => this.#backlog() <= RING_SIZE / 2)) return;
    const at = ringIndex(this.#posted);
    this.#ring[at] = packOperation(kind, size, offset);
    this.#ring[at + 1] = value;
    this.#posted = (this.#posted + 1) | 0;
    Atomics.store(control, LINK.POSTED, this.#posted);
    if (Atomics.load(control, LINK.ASLEEP) !== 0) this.#wake();
  }

  #backlog(): number {
    return distance(Atomics.load(this.#control, LINK.DONE), this.#posted);
  }

  /** The first write of a burst wakes the worker, so that it is at work when the first read depends on it. */
  #wake(): void {
    Atomics.store(this.#control, LINK.ASLEEP, 0);
    Atomics.add(this.#control, LINK.BELL, 1);
    Atomics.notify(this.#control, LINK.BELL);
    this.#ringBell?.();
  }

  /** Spins until `condition` holds. @returns false when the worker was given up meanwhile. */
  #waitUntil(condition: () => boolean): boolean {
    let waited = 0;
    let before = performance.now();
    for (let spins = 1; !condition(); spins++) {
      if (spins % SPINS_PER_LOOK !== 0) continue;
      const now = performance.now();
      // Only time in which this thread ran counts: a host that was asleep, or is starved, is no stuck worker.
      waited += Math.min(now - before, LONGEST_LOOK_MS);
      before = now;
      if (waited < this.#limitMs) continue;
      this.break(`the TPM's worker did not answer within ${this.#limitMs} ms`);
      return false;
    }
    return true;
  }
}
