/**
 * The page's side of a device that lives in a worker. A write is posted and not waited for. A read sees every write
 * before it, and mostly without the worker: the device is deterministic, so the page keeps a copy of it, takes each
 * access there as the worker will later, and answers from that. The worker's device stays the true one. The copy is
 * made anew
 *
 * - when the worker has changed the state for a reason of its own: an answer has come, the TPM has failed or is on;
 * - after a write while the TPM runs a command, and after a reset: how these end depends on what the worker knows.
 *
 * So neither polling, nor a driver's handshakes, nor the bytes of a command or a response cost a round trip. The worker
 * is woken when there is something to do for it, which is once a command.
 *
 * A worker that does not answer for seconds (patience.ts) is given up: the link is broken, every register reads 0
 * (failure mode), and the page goes on.
 */
import type {
  AccessSize,
  FrontEnd,
  FrontEndDevice,
  FrontEndSink,
  FrontEndView,
  LaunchStep,
  MmioDevice,
} from "../../device/frontend/port.ts";
import { TIS } from "../../device/tis/front-end.ts";
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
  SLEEP,
} from "./layout.ts";
import { Patience } from "./patience.ts";

/** Spins between two looks at the clock. */
const SPINS_PER_LOOK = 256;

/** The device worker is dead or stuck. */
export class LinkBrokenError extends Error {
  override name = "LinkBrokenError";
}

export interface MmioProxyOptions {
  memory: LinkMemory;
  /** What the worker's device is, and the copy; the FIFO interface by default. */
  frontEnd?: FrontEnd;
  /** Wakes the worker where `Atomics.waitAsync` is missing: a message to it. */
  ring?: () => void;
  /** The guest has started a command: called from within that very access. */
  onExecute?: () => void;
  /** No answer is due any more; called as soon as this side knows, from within an access perhaps. */
  onAnswered?: () => void;
  /**
   * The interrupt line's level has changed. Edges that an access of the guest's causes are told from within that access;
   * those of the worker's own as soon as this side knows. See {@link MmioProxy.look}.
   */
  onIrq?: (raised: boolean) => void;
  /** Called once when the worker is given up, from within an access perhaps. */
  onBroken?: (error: LinkBrokenError) => void;
  /** See {@link LINK_LIMIT_MS}, the default. */
  limitMs?: number;
}

export class MmioProxy implements MmioDevice {
  readonly #control: Int32Array;
  readonly #ring: Int32Array;
  readonly #memory: LinkMemory;
  /** The copy. */
  readonly #copy: FrontEndDevice;
  readonly #copyView: FrontEndView;
  readonly #base: number;
  readonly #ringBell: (() => void) | undefined;
  readonly #onBroken: ((error: LinkBrokenError) => void) | undefined;
  readonly #onAnswered: (() => void) | undefined;
  readonly #onIrq: ((raised: boolean) => void) | undefined;
  readonly #patience: Patience;
  #posted: number;
  /** SEQUENCE when the copy was made; undefined when it is known to be none (any more). */
  #sequence: number | undefined;
  /** What was posted last has something in it for the worker to do. */
  #urgent = false;
  /** A command's start was told by `onExecute`, and its end not yet by `onAnswered`. */
  #executing = false;
  /** The level that was told last, and whether the copy has moved since. */
  #irq = false;
  #irqMoved = false;
  /** Since the last operation was posted, the command interface has moved. Known while it listens. */
  #moved = false;
  #listening = false;
  /** The worker was woken to do everything posted up to this, and has not been seen to have done it. */
  #due: number | undefined;
  /** Response bytes that were read and not yet told to the worker, and the offset at which they were read. */
  #ahead = 0;
  #aheadOffset = 0;
  #broken = false;
  /** The worker has been seen to have its device. */
  #seen = false;

  constructor(options: MmioProxyOptions) {
    const { control, ring } = mapLink(options.memory);
    this.#control = control;
    this.#ring = ring;
    this.#memory = options.memory;
    const urgent = () => {
      this.#urgent = true;
    };
    const irq = () => {
      urgent();
      this.#irqMoved = true;
    };
    const execute = () => {
      urgent();
      this.#executing = true;
      options.onExecute?.();
    };
    const launch = ({ kind }: LaunchStep) => {
      if (kind === "end") urgent();
    };
    const sink: FrontEndSink = { execute, cancel: urgent, resetEstablishment: urgent, launch, irq };
    const { frontEnd = TIS } = options;
    this.#base = frontEnd.window.base;
    this.#copy = frontEnd.create({ sink });
    this.#copyView = this.#copy.view;
    this.#ringBell = options.ring;
    this.#onBroken = options.onBroken;
    this.#onAnswered = options.onAnswered;
    this.#onIrq = options.onIrq;
    this.#patience = new Patience(options.limitMs);
    this.#posted = Atomics.load(control, LINK.POSTED);
  }

  /** True once the worker was given up. */
  get broken(): boolean {
    return this.#broken;
  }

  /** What the registers show now; the view itself stays behind when the worker changes something. */
  get view(): FrontEndView {
    this.#current();
    return this.#copyView;
  }

  read(address: number, size: AccessSize): number {
    if (!this.#current()) return 0;
    if (this.#copy.isPureRead(address, size)) return this.#copyView.peek(address, size);
    this.#noteConsumed(address, size);
    const value = this.#copy.read(address, size);
    if (this.#urgent) this.flush();
    if (this.#irqMoved) this.#tellIrq();
    return value;
  }

  /** What a read would give, without its side effects. */
  peek(address: number, size: AccessSize): number {
    return this.#current() ? this.#copyView.peek(address, size) : 0;
  }

  write(address: number, size: AccessSize, value: number): void {
    const offset = this.#offset(address);
    if (offset >= OFFSET_LIMIT || this.#broken) return;
    if (this.#ahead !== 0) this.flush();
    if (!this.#tellEdgesBefore()) return;
    if (this.#copy.executing) this.#sequence = undefined;
    const before = this.#executing;
    this.#copy.write(address, size, value);
    this.#post(OPERATION.WRITE, size, offset, value);
    // The copy alone may have started it: where the worker's device had failed just before, no answer comes.
    if (this.#executing && !before) this.look();
    if (!this.#irqMoved) return;
    // How a write ends that came while a command runs, the worker knows.
    if (this.#sequence === undefined) this.look();
    else this.#tellIrq();
  }

  /** Takes notice of what the worker has changed; to be called when it tells of something that may be an answer. */
  look(): void {
    this.#current();
  }

  /** The machine was reset: ordered with the accesses before and after it. @param number what the worker is told. */
  reset(number: number): void {
    this.#tellEdgesBefore();
    this.#ahead = 0;
    this.#sequence = undefined;
    this.#post(OPERATION.RESET, 0, 0, number);
  }

  /** Tells the worker of response bytes that were read. */
  flush(): void {
    const count = this.#ahead;
    this.#ahead = 0;
    if (count !== 0) this.#post(OPERATION.CONSUME, 1, this.#aheadOffset, count);
  }

  /**
   * Waits until the worker has done all that was posted, so that its own view of the device counts, e.g. for a
   * snapshot. One that is still being loaded does it before anything else.
   * @returns false when the link is broken.
   */
  settle(): boolean {
    this.flush();
    if (this.#broken) return false;
    const control = this.#control;
    if (Atomics.load(control, LINK.DONE) === this.#posted || !this.#served) return true;
    this.#wake();
    return this.#waitUntil(() => Atomics.load(control, LINK.DONE) === this.#posted);
  }

  /** Gives the worker up, e.g. because it has ended. @param reason what happened, for people. */
  break(reason: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#onBroken?.(new LinkBrokenError(reason));
  }

  #tellIrq(): void {
    this.#irqMoved = false;
    const { irqRaised } = this.#copyView;
    if (irqRaised === this.#irq) return;
    this.#irq = irqRaised;
    this.#onIrq?.(irqRaised);
  }

  /** Edges that the guest does not know of yet come before those that it now causes. @returns false when the link is broken. */
  #tellEdgesBefore(): boolean {
    return !this.#stale || !this.#copyView.interruptsEnabled || this.#current();
  }

  /** The copy is none, as far as can be known here without the worker. */
  get #stale(): boolean {
    return Atomics.load(this.#control, LINK.SEQUENCE) !== this.#sequence;
  }

  /** The worker has its device. Until then it is being loaded, which no access can wait for: loading takes this thread. */
  get #served(): boolean {
    this.#seen ||= Atomics.load(this.#control, LINK.SEQUENCE) !== 0;
    return this.#seen;
  }

  /**
   * Sees to it that the copy is one. Before there is a device in the worker, it is by itself: what the page does to it is
   * posted, and done to the worker's as soon as that is there.
   * @returns false when the link is broken.
   */
  #current(): boolean {
    if (!this.#served) return !this.#broken;
    if (this.#due !== undefined) this.#watchWorker(this.#due);
    return this.#stale ? this.#copyAnew() : !this.#broken;
  }

  #copyAnew(): boolean {
    const control = this.#control;
    if (!this.settle()) return false;
    while (!this.#broken) {
      const before = Atomics.load(control, LINK.SEQUENCE);
      this.#copy.mirror(this.#memory.state);
      fence(control, LINK.PAGE_FENCE);
      if (Atomics.load(control, LINK.SEQUENCE) === before && (before & 1) === 0) {
        this.#sequence = before;
        if (this.#executing && !this.#copy.executing) {
          this.#executing = false;
          this.#onAnswered?.();
        }
        this.#tellIrq();
        return true;
      }
      this.#waitUntil(() => (Atomics.load(control, LINK.SEQUENCE) & 1) === 0);
    }
    return false;
  }

  /** Something is due from the worker: gives it up when that takes too long of this thread's own time. */
  #watchWorker(due: number): void {
    if (distance(Atomics.load(this.#control, LINK.DONE), due) <= 0) {
      this.#due = undefined;
      this.#patience.restore();
    } else this.#lookAtClock();
  }

  /** Of an address in the window; larger than the window when outside. Takes signed addresses too. */
  #offset(address: number): number {
    return (address - this.#base) >>> 0;
  }

  /** A read with side effects is to be told to the worker. */
  #noteConsumed(address: number, size: AccessSize): void {
    const offset = this.#offset(address);
    const taken = this.#copy.bytesTaken(address, size);
    if (taken === undefined) {
      this.flush();
      if (offset < OFFSET_LIMIT) this.#post(OPERATION.READ, size, offset, 0);
      return;
    }
    if (taken === 0) return;
    this.#ahead += taken;
    this.#aheadOffset = offset;
  }

  #post(kind: number, size: number, offset: number, value: number): void {
    if (this.#broken) return;
    const control = this.#control;
    const backlog = this.#backlog();
    if (backlog >= RING_SIZE / 2) {
      this.#wake();
      if (backlog >= RING_SIZE && !this.#waitUntil(() => this.#backlog() <= RING_SIZE / 2)) return;
    }
    const at = ringIndex(this.#posted);
    this.#ring[at] = packOperation(kind, size, offset);
    this.#ring[at + 1] = value;
    this.#posted = (this.#posted + 1) | 0;
    Atomics.store(control, LINK.POSTED, this.#posted);
    const sleep = Atomics.load(control, LINK.ASLEEP);
    if (this.#urgent || this.#sequence === undefined) {
      this.#urgent = false;
      this.#due = this.#posted;
      if (sleep !== SLEEP.AWAKE) this.#wake();
    } else if (sleep === SLEEP.LIGHT && (this.#moved || !this.#listening)) this.#wake();
    this.#moved = false;
    if (sleep !== SLEEP.AWAKE) this.#listen(sleep === SLEEP.LIGHT);
  }

  /** To the copy's moves: that costs each access a little, and only a light sleep asks for it. */
  #listen(on: boolean): void {
    if (on === this.#listening) return;
    this.#listening = on;
    const listener = () => {
      this.#moved = true;
    };
    this.#copy.watchMoves(on ? listener : undefined);
  }

  #backlog(): number {
    return distance(Atomics.load(this.#control, LINK.DONE), this.#posted);
  }

  #wake(): void {
    if (Atomics.exchange(this.#control, LINK.ASLEEP, SLEEP.AWAKE) === SLEEP.AWAKE) return;
    Atomics.add(this.#control, LINK.BELL, 1);
    Atomics.notify(this.#control, LINK.BELL);
    this.#ringBell?.();
  }

  /** Spins until `condition` holds. @returns false when the worker was given up meanwhile. */
  #waitUntil(condition: () => boolean): boolean {
    for (let spins = 1; !condition(); spins++) {
      if (spins % SPINS_PER_LOOK !== 0) continue;
      if (!this.#lookAtClock()) return false;
    }
    this.#patience.restore();
    return true;
  }

  #lookAtClock(): boolean {
    if (this.#patience.lasts()) return true;
    this.break(`the TPM's worker did not answer within ${this.#patience.limitMs} ms`);
    return false;
  }
}
