/**
 * What happens around each slice of guest code, the millisecond or so for which v86 runs the CPU before it returns
 * to the event loop: the devices get the machine's own clock, and a crash of v86 is caught.
 */
import type { MachineClock } from "./clock.ts";
import type { V86Machine } from "./v86-internals.ts";

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
