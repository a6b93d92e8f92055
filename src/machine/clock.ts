/**
 * The guest's clock. All of v86's guest time (TSC, PIT, APIC timer, ACPI PM timer) comes from one function,
 * `microtick()`, milliseconds as a float. This clock takes its place on both sides: in the WebAssembly module
 * through the option `wasm_fn`, in the devices through `V86Bus` (v86.ts). It follows the host's monotonic clock,
 * except that it
 *
 * - stands still while the machine is held, so that no driver's time limit runs out then;
 * - never moves by more than {@link MAX_STEP_MS}, or a limit set for a while, between two looks the machine takes at it. A machine looks at
 *   least every 100 ms, even when idle; a longer gap means that the page was suspended, throttled in a background
 *   tab, or stuck in other work. The guest's time falls behind the wall clock then, instead of jumping by minutes
 *   and making every time limit run out at once.
 *
 * The real-time clock (CMOS) is not governed by it: v86 keeps that on `Date.now()`, and so do we. A guest that
 * reads it after a pause gets the true date (`hwclock --hctosys`); alarms and periodic interrupts of the RTC go by
 * the wall clock too, and those that came due during a pause come at its end.
 */
import type { GuestClock } from "./bus.ts";
import { compiledHere } from "./compiled-modules.ts";

/** Longest step of guest time between two looks, in milliseconds; well below any TPM driver's limit (750 ms). */
export const MAX_STEP_MS = 250;
/**
 * The same while a TPM command runs. On a busy host the page may be kept waiting more than once before the machine is
 * held for a slow command, and the guest's time limit must not see the sum. No driver sleeps longer than this at once.
 */
export const COMMAND_STEP_MS = 50;
/** The same from the moment in which the machine is to stop; long enough for a slice of guest code to end by it. */
export const STOPPING_STEP_MS = 2;

/** A guest clock that its owner can stop, start and set. */
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
  /** Limits of a step in force. */
  #limits: number[] = [];
  #longest = MAX_STEP_MS;
  #look: (() => void) | undefined;

  /** @param host a monotonic clock in milliseconds. */
  constructor(host: () => number = () => performance.now()) {
    this.#host = host;
    this.#origin = this.#last = this.#told = host();
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  now(): number {
    const ahead = this.#frozen ? 0 : this.#host() - this.#behind - this.#last;
    // A limit that began after the last telling may have taken some of that time back: it is waited for then.
    this.#told = Math.max(this.#told, this.#last + Math.min(ahead, this.#longest));
    return this.#told - this.#origin;
  }

  /**
   * What v86 calls in place of its own: guest milliseconds, with the origin of `performance.now()`, as devices
   * looked at that clock before this one took over. A bound function, to be handed out.
   */
  readonly microtick = (): number => {
    if (this.#look) this.#looked();
    return this.#advance();
  };

  /**
   * Makes the longest step between two looks shorter, until the function that is returned is called. Limits nest: the
   * shortest counts. It goes for the step under way too: while the machine works it looks every fraction of a
   * millisecond, and a longer step means that the page was kept from running it.
   */
  limitStep(milliseconds: number): () => void {
    this.#limits.push(milliseconds);
    this.#longest = Math.min(MAX_STEP_MS, ...this.#limits);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#advance();
      this.#limits.splice(this.#limits.indexOf(milliseconds), 1);
      this.#longest = Math.min(MAX_STEP_MS, ...this.#limits);
    };
  }

  #advance(): number {
    if (this.#frozen) return this.#last;
    const step = this.#host() - this.#behind - this.#last;
    if (step > this.#longest) {
      this.#behind += step - this.#longest;
      this.#last += this.#longest;
    } else {
      this.#last += step;
    }
    return this.#last;
  }

  /** Guest time goes ahead by so many milliseconds. @param look called when the machine next looks at the clock. */
  skip(milliseconds: number, look: () => void): void {
    this.#behind -= milliseconds;
    this.#look = look;
  }

  #looked(): void {
    const look = this.#look;
    this.#look = undefined;
    look?.();
  }

  /** Stops guest time. Only while the CPU does not run: v86's inner loop ends a slice by this clock. */
  freeze(): void {
    this.microtick();
    this.#frozen = true;
  }

  /** Lets guest time go on from where it stopped. */
  thaw(): void {
    if (!this.#frozen) return;
    this.#frozen = false;
    this.#behind = this.#host() - this.#last;
  }

  /**
   * Sets guest time to a value that `microtick()` gave earlier, perhaps in another page: a restored machine's
   * timers then go on as if no time had passed. The machine must be stopped.
   */
  set(microtick: number): void {
    this.#last = this.#told = microtick;
    this.#behind = this.#host() - microtick;
  }
}

/** Where v86.wasm comes from: its URL (fetched), or its bytes. */
export type WasmSource = string | URL | Uint8Array<ArrayBuffer> | ArrayBuffer;

/** v86's option `wasm_fn`: gets the imports, gives the exports. */
export type WasmFunction = (imports: WebAssembly.Imports) => Promise<WebAssembly.Exports>;

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
 * @throws {WasmLoadError} through `wasm_fn` and `bytes`.
 */
export function createGuestClock(wasm: WasmSource): GuestClockParts {
  const clock = new MachineClock();
  const bytes = loadWasm(wasm);
  // Both users of `bytes` report its failure; a third report, as an unhandled rejection, would say nothing more.
  bytes.catch(() => {});
  return {
    clock,
    bytes,
    wasm_fn: async (imports) => {
      const code = new Uint8Array(await bytes);
      const env = { ...imports.env, microtick: clock.microtick };
      try {
        return (await WebAssembly.instantiate(await compiledHere.compile(code), { ...imports, env })).exports;
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
