/**
 * How v86 gives its thread back between slices of guest code. In a browser it asks an auxiliary worker to wake it: a
 * hop of 0.1 ms on an idle machine, and of a millisecond and more on a busy one. A message to itself takes a few
 * microseconds. Sleeps of a millisecond and more stay with v86's worker, whose timers browsers do not round up.
 */
interface YieldingMachine {
  yield?: (milliseconds: number, tick: number) => void;
  yield_callback?: (tick: number) => void;
}

/** v86's timers are in whole milliseconds; below that it looks again at once. */
const SHORTEST_SLEEP_MS = 1;

/** Makes `machine` (`emulator.v86`) yield by messages to itself. Leaves a v86 alone that has other internals, and Node's. */
export function useQuickYield(machine: object): void {
  const yielding = machine as YieldingMachine;
  const slow = yielding.yield?.bind(machine);
  if (!slow || typeof yielding.yield_callback !== "function") return;
  if (typeof process !== "undefined" || typeof MessageChannel === "undefined") return;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent<number>) => yielding.yield_callback?.(event.data);
  yielding.yield = (milliseconds, tick) => {
    if (milliseconds < SHORTEST_SLEEP_MS) port2.postMessage(tick);
    else slow(milliseconds, tick);
  };
}
