/**
 * How v86 gives its thread back between slices. In a browser it asks an auxiliary worker to wake it, a hop of 0.1 ms
 * and more; in a worker of its own a message to oneself does, which takes a few microseconds. Sleeps stay with v86.
 */
interface YieldingMachine {
  yield?: (milliseconds: number, tick: number) => void;
  yield_callback?: (tick: number) => void;
}

/** Makes `emulator` yield by messages to itself. Leaves a v86 alone that has other internals, and Node's. */
export function useQuickYield(emulator: object): void {
  const machine = (emulator as { v86?: YieldingMachine }).v86;
  const slow = machine?.yield?.bind(machine);
  if (!machine || !slow || typeof machine.yield_callback !== "function") return;
  if (typeof process !== "undefined" || typeof MessageChannel === "undefined") return;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent<number>) => machine.yield_callback?.(event.data);
  machine.yield = (milliseconds, tick) => {
    if (milliseconds < 1) port2.postMessage(tick);
    else slow(milliseconds, tick);
  };
}
