/**
 * The page's side of a device that lives in a worker. A write is posted and not waited for. A read sees every write
 * before it: reads without side effects are answered from the device's state in shared memory once the worker has
 * done what was posted. Response bytes are served from that memory too, and their number told to the worker with the
 * next write, so that neither polling nor a long response costs a round trip.
 *
 * A worker that does not answer within a quarter of a second is given up: the link is broken, every register reads
 * 0 (failure mode), and the page goes on.
 */
import { type AccessSize, LOCALITIES, type MmioDevice, TIS_BASE } from "../tis/ports.ts";
import { isFifo, isPureRead, TisView, windowOffset } from "../tis/view.ts";
import { LINK, type LinkMemory, mapLink, OPERATION, packOperation, RING_SIZE, ringIndex } from "./layout.ts";

/** How long a read waits for the worker, in milliseconds. */
export const READ_LIMIT_MS = 250;
/** Spins between two looks at the clock. */
const SPINS_PER_LOOK = 256;
/** Largest offset that an operation can carry. */
const OFFSET_LIMIT = 0x1_0000;

/** The device worker is dead or stuck. */
export class LinkBrokenError extends Error {
  override name = "LinkBrokenError";
}

export interface MmioProxyOptions {
  memory: LinkMemory;
  /** Wakes the worker where `Atomics.waitAsync` is missing: a message to it. */
  ring?: () => void;
  /** Called once when the worker is given up. */
  onBroken?: (error: LinkBrokenError) => void;
  limitMs?: number;
}

export class MmioProxy implements MmioDevice {
  readonly #control: Int32Array;
  readonly #ring: Int32Array;
  readonly #view: TisView;
  readonly #ringBell: (() => void) | undefined;
  readonly #onBroken: ((error: LinkBrokenError) => void) | undefined;
  readonly #limitMs: number;
  #posted = 0;
  /** Response bytes that were read here and not yet told to the worker. */
  #ahead = 0;
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
    if (!this.#broken && !isPureRead(address, size)) this.#consume(address, size);
    return value;
  }

  /** What a read would give, without its side effects. Waits for what was posted. */
  peek(address: number, size: AccessSize): number {
    if (!this.#settled()) return 0;
    const control = this.#control;
    for (;;) {
      const before = Atomics.load(control, LINK.SEQUENCE);
      if ((before & 1) === 0) {
        const value = this.#view.peek(address, size, this.#ahead);
        if (Atomics.load(control, LINK.SEQUENCE) === before) return value;
      }
      if (this.#broken) return 0;
    }
  }

  write(address: number, size: AccessSize, value: number): void {
    this.flush();
    this.#post(OPERATION.WRITE, size, windowOffset(address), value);
  }

  /** The machine was reset: ordered with the accesses before and after it. */
  reset(): void {
    this.#ahead = 0;
    this.#post(OPERATION.RESET, 0, 0, 0);
  }

  /** Tells the worker of response bytes that were read, e.g. before a snapshot. */
  flush(): void {
    if (this.#ahead === 0) return;
    const count = this.#ahead;
    this.#ahead = 0;
    const locality = Math.max(this.#view.activeLocality, 0);
    this.#post(OPERATION.CONSUME, 1, (locality % LOCALITIES) * 0x1000 + 0x24, count);
  }

  /** Gives the worker up, e.g. because it has ended. */
  break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#onBroken?.(new LinkBrokenError(reason));
  }

  /** The side effect of a read that has been answered. */
  #consume(address: number, size: AccessSize): void {
    const offset = windowOffset(address);
    const plain = isFifo(offset & 0xffc) && (offset & (size - 1)) === 0;
    if (!plain) {
      this.flush();
      this.#post(OPERATION.READ, size, offset, 0);
      return;
    }
    if (offset >>> 12 !== this.#view.activeLocality) return;
    const left = this.#view.responseLeft - this.#ahead;
    if (left <= 0) return;
    this.#ahead += Math.min(size, left);
    if (left <= size && this.#view.lastByteInterrupts) this.flush();
  }

  #post(kind: number, size: number, offset: number, value: number): void {
    if (this.#broken || offset >= OFFSET_LIMIT) return;
    const control = this.#control;
    if (
      ((this.#posted - Atomics.load(control, LINK.DONE)) | 0) >= RING_SIZE &&
      !this.#waitUntilDone(RING_SIZE / 2)
    ) {
      return;
    }
    const at = ringIndex(this.#posted);
    this.#ring[at] = packOperation(kind, size, offset);
    this.#ring[at + 1] = value;
    this.#posted = (this.#posted + 1) | 0;
    Atomics.store(control, LINK.POSTED, this.#posted);
    if (Atomics.load(control, LINK.ASLEEP) !== 0) this.#wake();
  }

  #wake(): void {
    Atomics.store(this.#control, LINK.ASLEEP, 0);
    Atomics.add(this.#control, LINK.BELL, 1);
    Atomics.notify(this.#control, LINK.BELL);
    this.#ringBell?.();
  }

  /** True when everything posted has been done; false once the link is broken. */
  #settled(): boolean {
    if (this.#broken) return false;
    return Atomics.load(this.#control, LINK.DONE) === this.#posted || this.#waitUntilDone(0);
  }

  /** Spins until at most `backlog` operations are left. */
  #waitUntilDone(backlog: number): boolean {
    const control = this.#control;
    const deadline = performance.now() + this.#limitMs;
    for (let spins = 1; ; spins++) {
      if (((this.#posted - Atomics.load(control, LINK.DONE)) | 0) <= backlog) return true;
      if (spins % SPINS_PER_LOOK === 0 && performance.now() > deadline) {
        this.break(
          `the TPM's worker did not answer within ${this.#limitMs} ms; reset the machine to start a new one`,
        );
        return false;
      }
    }
  }
}

/** Address of an offset in the TIS window, as operations carry it. */
export const addressOf = (offset: number): number => TIS_BASE + offset;
