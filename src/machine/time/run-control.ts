/**
 * Who decides whether the CPU runs. Two wishes meet: the user's (run or pause) and that of any number of holds.
 * The machine runs while the user wants it to and nobody holds it. Guest time stands still whenever the CPU
 * stands still; it is frozen from v86's own notice that the CPU has stopped, never earlier, as v86 ends a slice
 * of guest code by that clock and would not return from it.
 */

import type { V86Emulator, V86Machine } from "../v86/v86-internals.ts";
import type { MachineClock } from "./clock.ts";

/** The reason that `holds` shows for the user's own pause. */
export const PAUSED_BY_USER = "paused by the user";

interface Hold {
  reason: string;
}

export class RunControl {
  readonly #emulator: V86Emulator;
  readonly #machine: V86Machine;
  readonly #clock: MachineClock | undefined;
  readonly #holds = new Set<Hold>();
  readonly #listeners = new Set<(holds: readonly string[]) => void>();
  #waiting: (() => void)[] = [];
  #wantsRun: boolean;
  #everRan: boolean;
  #stopping = false;

  /** @param clock the machine's clock where it is ours to stop. */
  constructor(emulator: V86Emulator, machine: V86Machine, clock: MachineClock | undefined) {
    this.#emulator = emulator;
    this.#machine = machine;
    this.#clock = clock;
    this.#wantsRun = this.#everRan = emulator.is_running();
    clock?.begin();
    if (!this.#wantsRun) clock?.freeze();
    emulator.add_listener("emulator-started", () => clock?.thaw());
    emulator.add_listener("emulator-stopped", () => this.#stopped());
    this.#takeOverPublicCalls();
  }

  /** Reasons of the holds in force, the user's pause last. */
  get holds(): readonly string[] {
    const reasons = Array.from(this.#holds, (hold) => hold.reason);
    return this.#everRan && !this.#wantsRun ? [...reasons, PAUSED_BY_USER] : reasons;
  }

  /** True when the CPU stands still now; false until a requested stop has taken effect. */
  get stopped(): boolean {
    return !this.#emulator.is_running();
  }

  hold(reason: string): () => void {
    const hold = { reason };
    this.#holds.add(hold);
    this.#apply();
    return () => {
      if (this.#holds.delete(hold)) this.#apply();
    };
  }

  /** See `MachineBus.holdAfter`. @returns undefined where the machine's clock is not ours. */
  holdAfter(guestMs: number, reason: string): (() => void) | undefined {
    const clock = this.#clock;
    if (!clock) return undefined;
    let release: (() => void) | undefined;
    const unbind = clock.bound(guestMs, () => {
      release = this.hold(reason);
    });
    return () => {
      unbind();
      release?.();
      release = undefined;
    };
  }

  /** The user's wish to run. */
  resume(): void {
    this.#wantsRun = this.#everRan = true;
    this.#apply();
  }

  /** The user's wish to pause. */
  pause(): void {
    this.#wantsRun = false;
    this.#apply();
  }

  /** Resolves when the CPU stands still, or has been told to go on again. */
  settled(): Promise<void> {
    if (this.stopped || !this.#stopping) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  onChange(listener: (holds: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #apply(): void {
    const run = this.#wantsRun && this.#holds.size === 0;
    if (run && (this.stopped || this.#stopping)) {
      // A stop that has not taken effect yet is simply called off: the CPU never stood still.
      this.#stopping = false;
      this.#clock?.endStop();
      this.#machine.run();
      this.#settle();
    } else if (!run && !this.stopped && !this.#stopping) {
      this.#stopping = true;
      this.#clock?.beginStop();
      this.#machine.stop();
      // An idle machine may sleep for up to 100 ms before it looks; its guest's time would go on meanwhile.
      this.#machine.next_tick(0);
    }
    for (const listener of this.#listeners) listener(this.holds);
  }

  #stopped(): void {
    this.#stopping = false;
    this.#clock?.freeze();
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** `emulator.run()` and `.stop()`, called by the page or by v86 itself (`destroy`), express the user's wish. */
  #takeOverPublicCalls(): void {
    this.#emulator.run = async () => this.resume();
    this.#emulator.stop = async () => {
      this.pause();
      await this.settled();
    };
  }
}
