/**
 * The guest's clock. All of v86's guest time (TSC, PIT, APIC timer, ACPI PM timer) comes from one function,
 * `microtick()`, milliseconds as a float. This clock takes its place on both sides: in the WebAssembly module
 * through the option `wasm_fn`, in the devices through `V86Bus` (v86.ts). It follows the host's monotonic clock,
 * except that it
 *
 * - stands still while the machine is held, so that no driver's time limit runs out then;
 * - goes no further than any bound in force ({@link MachineClock.bound}), however late whoever set it is: it is
 *   checked at each look, on the emulator's own thread, and the look that reaches it tells;
 * - never moves by more than {@link BUSY_STEP_MS} between two runs of v86's timers while the machine works. A longer
 *   gap is made up for step by step: a guest that counts a timer's ticks, as Linux does to see whether that timer
 *   works, gets them however seldom the page is let run it;
 * - never moves by more than {@link MAX_STEP_MS} while the machine sleeps, nor makes up for more. It looks at least
 *   every 100 ms then; a longer gap means that the page was suspended, throttled in a background tab, or starved.
 *
 * So the guest's time falls behind the wall clock when the host is too busy, instead of jumping and making time limits
 * run out. The real-time clock (CMOS) is not governed by it: v86 keeps that on `Date.now()`, and so do we. A guest that
 * reads it after a pause gets the true date (`hwclock --hctosys`); alarms and periodic interrupts of the RTC go by
 * the wall clock too, and those that came due during a pause come at its end.
 */
import type { GuestClock } from "../bus.ts";
import { compiledHere } from "../v86/compiled-modules.ts";
import { patchMachine } from "../v86/module-patch.ts";

/** Longest step of guest time of a machine that sleeps, and most that is made up for later, in milliseconds. */
export const MAX_STEP_MS = 250;
/**
 * Longest step of guest time between two runs of v86's timers in a machine that works, in milliseconds. A timer that is
 * due more than once by then ticks once. Linux spins for ten ticks (10 ms at 1000 Hz) and wants to see five of them.
 */
export const BUSY_STEP_MS = 1.5;
/**
 * So much each look is ahead of the one before, in milliseconds, where time would stand still: one tick of the TSC. v86
 * makes up ticks of its own for looks that read the same, as many as it has ever seen between two, and takes them back.
 */
export const LOOK_MS = 1e-6;
/** v86 ends a slice of guest code when more than a millisecond has passed since it began. */
export const SLICE_MS = 1.01;

/** Guest time goes no further than this for now. */
interface Bound {
  /** In v86's count. */
  until: number;
  reached: () => void;
  told: boolean;
}

/** A guest clock that its owner can stop, start, set and bound. */
export class MachineClock implements GuestClock {
  readonly #host: () => number;
  readonly #origin: number;
  /** What v86 was told last. */
  #last: number;
  /** What `now()` told last, in v86's count. */
  #told: number;
  /** Host time minus guest time. */
  #behind = 0;
  #frozen = false;
  readonly #bounds: Bound[] = [];
  /** The nearest of the bounds. */
  #nearest = Number.POSITIVE_INFINITY;
  /** Guest time when v86 last ran its timers. */
  #timersAt: number;
  /** The machine has slept since its last look. */
  #slept = true;
  #inSlice = false;
  /** The slice that runs has not looked yet. */
  #beginning = false;
  /** Where guest time stands until a stop that was asked for takes effect. */
  #stopAt: number | undefined;
  #look: (() => void) | undefined;

  /** @param host a monotonic clock in milliseconds. */
  constructor(host: () => number = () => performance.now()) {
    this.#host = host;
    this.#origin = this.#last = this.#told = this.#timersAt = host();
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** True from `beginStop` until the stop has taken effect or was called off. */
  get stopping(): boolean {
    return this.#stopAt !== undefined;
  }

  now(): number {
    // A bound that was set after the last telling may lie before it: it is waited for then.
    if (!this.#frozen)
      this.#told = Math.max(this.#told, this.#stopAt === undefined ? this.#next() : this.#last);
    return Math.max(this.#told, this.#last) - this.#origin;
  }

  /**
   * What v86 calls in place of its own: guest milliseconds, with the origin of `performance.now()`, as devices
   * looked at that clock before this one took over. A bound function, to be handed out.
   */
  readonly microtick = (): number => {
    if (this.#look) this.#looked();
    if (this.#frozen) return this.#last;
    const first = this.#beginning;
    const before = this.#last;
    this.#beginning = false;
    // v86 measures the slice from what its first look gives: all that it may go ahead is left to those that can end it.
    if (this.#stopAt !== undefined && !first) this.#goTo(Math.max(this.#last, this.#stopAt));
    else if (!first || this.#slept) this.#follow();
    if (this.#last >= this.#nearest) this.#tellReached();
    if (this.#stopAt !== undefined && !first) this.#goTo(Math.max(this.#last, this.#stopAt));
    if (this.#last === before && this.#inSlice) this.#last += LOOK_MS;
    return this.#last;
  };

  /**
   * From now until the function that is returned is called, guest time advances by at most so many milliseconds, and
   * by a slice's length ({@link SLICE_MS}) in the slice of guest code that finds them spent, and {@link LOOK_MS} for
   * each further look in it: a burst has 100,000 at most.
   * @param reached called once, within the look that finds them spent: has to stop the machine (`beginStop`), or v86
   *   would wait for ever, within that slice, for a clock that stands still.
   */
  bound(milliseconds: number, reached: () => void): () => void {
    const bound: Bound = { until: this.#last + milliseconds, reached, told: false };
    this.#bounds.push(bound);
    this.#findNearest();
    return () => {
      const at = this.#bounds.indexOf(bound);
      if (at < 0) return;
      // What the bound has kept back is not made up for.
      if (!this.#frozen && this.#stopAt === undefined) this.#goTo(this.#next());
      this.#bounds.splice(at, 1);
      this.#findNearest();
    };
  }

  /**
   * The machine is to stop. Between slices of guest code its time stands still at once; a slice that runs ends at its
   * next look at the clock, which has gone ahead by the slice's length then, and stands there.
   */
  beginStop(): void {
    this.#stopAt ??= this.#inSlice ? this.#last + SLICE_MS : this.#last;
  }

  /** The stop was called off. */
  endStop(): void {
    if (this.#stopAt === undefined) return;
    this.#stopAt = undefined;
    if (!this.#frozen) this.#goTo(this.#last);
  }

  /** v86 begins to run guest code. */
  sliceBegins(): void {
    this.#inSlice = this.#beginning = true;
  }

  /** @param sleep milliseconds for which the machine may sleep now; 0 when it has more to do. */
  sliceEnds(sleep: number): void {
    this.#inSlice = this.#beginning = false;
    this.#slept = sleep > 0;
  }

  /** v86 runs its timers by the time that it was told last. */
  timersRun(): void {
    this.#timersAt = this.#last;
  }

  /** Guest time goes ahead by so many milliseconds. @param look called when the machine next looks at the clock. */
  skip(milliseconds: number, look: () => void): void {
    this.#behind -= milliseconds;
    this.#look = look;
  }

  /** Stops guest time. Only while the CPU does not run: v86's inner loop ends a slice by this clock. */
  freeze(): void {
    this.microtick();
    this.#stopAt = undefined;
    this.#frozen = true;
  }

  /** Lets guest time go on from where it stopped. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#goTo(this.#last);
  }

  /** The machine has been made. Its devices have looked at the host's clock until now: no guest time lies before that. */
  begin(): void {
    this.#goTo(this.#host());
    this.#timersAt = this.#last;
  }

  /**
   * Sets guest time to a value that `microtick()` gave earlier, perhaps in another page: a restored machine's
   * timers then go on as if no time had passed. The machine must be stopped. What bounds allow does not change.
   */
  set(microtick: number): void {
    for (const bound of this.#bounds) bound.until += microtick - this.#last;
    this.#findNearest();
    this.#told = this.#timersAt = microtick;
    this.#goTo(microtick);
  }

  /** Where guest time is now, were v86 to look. */
  #next(): number {
    const followed = this.#host() - this.#behind;
    const furthest = this.#slept ? this.#last + MAX_STEP_MS : this.#timersAt + BUSY_STEP_MS;
    return Math.max(this.#last, Math.min(followed, furthest, this.#nearest));
  }

  /** A look: guest time follows the host's as far as it may. */
  #follow(): void {
    if (this.#slept) {
      this.#goTo(this.#next());
      this.#timersAt = this.#last;
      this.#slept = !this.#inSlice;
      return;
    }
    this.#last = this.#next();
    this.#behind = Math.max(this.#behind, this.#host() - this.#last - MAX_STEP_MS);
  }

  /** Guest time is `next` as of this moment of the host's: what it is behind is not made up for. */
  #goTo(next: number): void {
    this.#last = next;
    this.#behind = this.#host() - next;
  }

  #tellReached(): void {
    for (const bound of [...this.#bounds]) {
      if (bound.told || this.#last < bound.until) continue;
      bound.told = true;
      bound.reached();
    }
  }

  #findNearest(): void {
    this.#nearest = Math.min(...this.#bounds.map(({ until }) => until));
  }

  #looked(): void {
    const look = this.#look;
    this.#look = undefined;
    look?.();
  }
}

/** Where v86.wasm comes from: its URL (fetched), or its bytes. */
export type WasmSource = string | URL | Uint8Array<ArrayBuffer> | ArrayBuffer;

/** v86's option `wasm_fn`: gets the imports, gives the exports. */
export type WasmFunction = (imports: WebAssembly.Imports) => Promise<WebAssembly.Exports>;

/** What a machine needs otherwise in v86.wasm. */
export interface ModuleChange {
  /** The code to run in place of this. @throws what keeps it from being changed. */
  code(code: Uint8Array): Uint8Array;
  /** What v86 is given in place of these. */
  exports(exports: WebAssembly.Exports): WebAssembly.Exports;
}

/** v86.wasm could not be loaded or is no WebAssembly this host can run. */
export class WasmLoadError extends Error {
  override name = "WasmLoadError";
}

export interface GuestClockParts {
  clock: MachineClock;
  /** To be given to `new V86({ wasm_fn })`: makes the module run by `clock`. */
  wasm_fn: WasmFunction;
  /** The module's bytes once they are loaded; v86 wants them again to unpack `.zst` state images. */
  bytes: Promise<ArrayBuffer>;
}

/**
 * Makes a clock for one machine, with the `wasm_fn` that puts v86's WebAssembly side under it.
 * @param host a monotonic clock in milliseconds; `performance.now` by default.
 * @throws {WasmLoadError} through `wasm_fn` and `bytes`.
 */
export function createGuestClock(
  wasm: WasmSource,
  host?: () => number,
  change?: ModuleChange,
): GuestClockParts {
  const clock = new MachineClock(host);
  const bytes = loadWasm(wasm);
  // Both users of `bytes` report its failure; a third report, as an unhandled rejection, would say nothing more.
  bytes.catch(() => {});
  return {
    clock,
    bytes,
    wasm_fn: async (imports) => {
      const loaded = new Uint8Array(await bytes);
      const code = patchMachine(change ? change.code(loaded) : loaded);
      const env = { ...imports.env, microtick: clock.microtick };
      try {
        const { exports } = await WebAssembly.instantiate(await compiledHere.compile(code), {
          ...imports,
          env,
        });
        return change ? change.exports(exports) : exports;
      } catch (cause) {
        throw new WasmLoadError("v86.wasm could not be started in this browser", { cause });
      }
    },
  };
}

async function loadWasm(wasm: WasmSource): Promise<ArrayBuffer> {
  if (wasm instanceof ArrayBuffer) return wasm;
  if (wasm instanceof Uint8Array) return wasm.slice().buffer;
  let response: Response;
  try {
    response = await fetch(wasm);
  } catch (cause) {
    throw new WasmLoadError(`v86.wasm could not be fetched from ${wasm}`, { cause });
  }
  if (!response.ok) throw new WasmLoadError(`v86.wasm could not be fetched from ${wasm}: ${response.status}`);
  return response.arrayBuffer();
}
