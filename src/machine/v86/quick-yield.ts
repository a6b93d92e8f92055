/**
 * How v86 gives its thread back between slices of guest code. In a browser it asks an auxiliary worker to wake it: a
 * hop of 0.05 ms on an idle machine and of a millisecond on a busy one, and sleeps of less than a millisecond are not
 * slept but asked for again and again. Here it goes on by a message to itself (0.005 ms), and a worker that blocks
 * sleeps for it, exact to 0.1 ms; a TPM driver sleeps half a millisecond at a time. The thread's own timers would do
 * only where nothing else uses any: Chromium gathers what is due on one thread, up to 8 ms late, and 4 ms is what a
 * page with a short interval of its own then waits each time.
 */
import { Sleeper } from "../time/sleeper.ts";
import type { YieldingMachine } from "./v86-internals.ts";

/** A sleep shorter than this is not worth a worker's waking, in milliseconds. */
const SHORTEST_SLEEP_MS = 0.15;
/** What the way back from the worker takes, in milliseconds: it wakes so much earlier. */
const WAY_BACK_MS = 0.1;

/** Makes `machine` (`emulator.v86`) yield so. Leaves a v86 alone that has other internals, and Node's. */
export function useQuickYield(machine: object): void {
  const yielding = machine as YieldingMachine;
  const slow = yielding.yield?.bind(machine);
  if (!slow || typeof yielding.yield_callback !== "function") return;
  if ("process" in globalThis || typeof MessageChannel === "undefined") return;
  const wake = (tick: number) => yielding.yield_callback?.(tick);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent<number>) => wake(event.data);
  const sleeper = typeof SharedArrayBuffer === "undefined" ? undefined : new Sleeper(wake);
  yielding.yield = (milliseconds, tick) => {
    if (!(milliseconds > SHORTEST_SLEEP_MS)) port2.postMessage(tick);
    else if (sleeper) sleeper.sleep(milliseconds - WAY_BACK_MS, tick);
    else slow(milliseconds, tick);
  };
  const unregister = yielding.unregister_yield?.bind(machine);
  yielding.unregister_yield = () => {
    // An open port keeps its listener, and with it the whole machine with its memory, for the page's life.
    port1.close();
    sleeper?.end();
    unregister?.();
  };
}
