/**
 * What happens around each slice of guest code, the millisecond or so for which v86 runs the CPU before it returns
 * to the event loop: the devices get the machine's own clock, and a crash of v86 is caught.
 */
import type { MachineClock } from "./clock.ts";
import type { V86Cpu, V86Machine } from "./v86-internals.ts";

/** A slice goes on in bursts of so many instructions, at the end of each of which v86 looks at the clock ... */
const BURST_INSTRUCTIONS = 100_003;
/** ... and ends the slice when more than a millisecond has passed. */
const SLICE_MS = 1.01;

/**
 * Ends the slice that runs, from within an access of its own: v86 is made to think that burst and slice are over. It
 * finishes the block of instructions that it is in, takes an interrupt if one is due, and returns. The guest's clock
 * goes ahead by a slice's length.
 */
export function endSlice(cpu: Pick<V86Cpu, "instruction_counter">, clock: MachineClock | undefined): void {
  (cpu.instruction_counter[0] as number) += BURST_INSTRUCTIONS;
  clock?.skip(SLICE_MS);
}

/** v86's CPU gave up; the cause is what it threw. */
export class MachineCrashError extends Error {
  override name = "MachineCrashError";
}

/**
 * Takes over `cpu.main_loop`.
 * @param crashed told of what a slice threw; gives false to have it thrown on.
 */
export function superviseSlices(
  machine: V86Machine,
  clock: MachineClock | undefined,
  crashed: (error: MachineCrashError) => boolean,
): void {
  const { cpu } = machine;
  const v86 = machine.constructor;
  const runSlice = cpu.main_loop;
  cpu.main_loop = () => {
    // All machines of a page share this static function, so it is ours only while our guest runs.
    const others = v86.microtick;
    if (clock) v86.microtick = clock.microtick;
    try {
      return runSlice();
    } catch (cause) {
      const error = new MachineCrashError(`the emulator has failed: ${cause}`, { cause });
      if (crashed(error)) return 0;
      throw error;
    } finally {
      v86.microtick = others;
    }
  };
}
