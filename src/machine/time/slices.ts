/**
 * What happens around each slice of guest code, the millisecond or so for which v86 runs the CPU before it returns
 * to the event loop: the devices get the machine's own clock, and a crash of v86 is caught.
 */

import { setTranslation } from "../v86/translator.ts";
import type { V86Cpu, V86Machine } from "../v86/v86-internals.ts";
import { type MachineClock, SLICE_MS } from "./clock.ts";

/** A slice goes on in bursts of so many instructions, at the end of each of which v86 looks at the clock. */
const BURST_INSTRUCTIONS = 100_003;

/** An address with this bit flipped is in another page. */
const PAGE_BIT = 0x1000;

/**
 * Ends slices early, from within an access: v86 is made to think that burst and slice are over. The guest's clock
 * goes ahead by a slice's length.
 *
 * That alone lets the guest run on to its next call or return where it is interpreted, and where it is translated,
 * until it leaves the page that was translated, or to the end of the burst. To be exact, everything
 * is interpreted, and the interpreter is made to think that the instruction has left its page, on which it returns
 * to look at the clock, and finds the true address again.
 */
export class SliceEnd {
  readonly #cpu: V86Cpu;
  readonly #clock: MachineClock | undefined;
  #precise = false;
  #pending = false;

  /** @param clock the machine's clock where it is ours to move. */
  constructor(cpu: V86Cpu, clock: MachineClock | undefined) {
    this.#cpu = cpu;
    this.#clock = clock;
  }

  endSlice(): void {
    if (this.#pending) return;
    const { instruction_counter: counter, instruction_pointer: pointer } = this.#cpu;
    (counter[0] as number) += BURST_INSTRUCTIONS;
    if (!this.#clock) return;
    this.#pending = true;
    const next = pointer[0] as number;
    const elsewhere = next ^ PAGE_BIT;
    if (this.#precise) pointer[0] = elsewhere;
    this.#clock.skip(SLICE_MS, () => {
      this.#pending = false;
      // An instruction that went on to fault has led elsewhere meanwhile.
      if (this.#precise && pointer[0] === elsewhere) pointer[0] = next;
    });
  }

  /** Has every instruction interpreted, or the hot ones translated as usual. Not while a slice runs. */
  setPrecise(on: boolean): void {
    if (on === this.#precise) return;
    this.#precise = on;
    setTranslation(this.#cpu, !on);
  }
}

/** v86's CPU gave up; the cause is what it threw. */
export class MachineCrashError extends Error {
  override name = "MachineCrashError";
}

/**
 * Takes over `cpu.main_loop` and `cpu.run_hardware_timers`.
 * @param crashed told of what a slice threw; gives false to have it thrown on.
 * @returns how many slices there have been, and whether one runs now.
 */
export function superviseSlices(
  machine: V86Machine,
  clock: MachineClock | undefined,
  crashed: (error: MachineCrashError) => boolean,
): { readonly slices: number; readonly running: boolean } {
  const { cpu } = machine;
  const v86 = machine.constructor;
  const runTimers = cpu.run_hardware_timers;
  cpu.run_hardware_timers = (acpi, now) => {
    clock?.timersRun();
    return runTimers.call(cpu, acpi, now);
  };
  const runSlice = cpu.main_loop;
  const count = { slices: 0, running: false };
  cpu.main_loop = () => {
    count.slices++;
    count.running = true;
    // All machines of a page share this static function, so it is ours only while our guest runs.
    const others = v86.microtick;
    if (clock) v86.microtick = clock.microtick;
    clock?.sliceBegins();
    let sleep = 0;
    try {
      sleep = runSlice();
      // A machine that is to stop is not to sleep first.
      return clock?.stopping ? 0 : sleep;
    } catch (cause) {
      const error = new MachineCrashError(`the emulator has failed: ${cause}`, { cause });
      if (crashed(error)) return 0;
      throw error;
    } finally {
      count.running = false;
      clock?.sliceEnds(sleep);
      v86.microtick = others;
    }
  };
  return count;
}
