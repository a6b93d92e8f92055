/**
 * How v86 gives its thread back between slices of guest code. In a browser it asks an auxiliary worker to wake it: a
 * hop of 0.05 ms on an idle machine and of a millisecond on a busy one, and sleeps of less than a millisecond are not
 * slept but asked for again and again. Here it goes on by a message to itself (0.005 ms), and sleeps in
 * `Atomics.waitAsync`, which is exact to 0.1 ms; a TPM driver sleeps half a millisecond at a time.
 */
interface YieldingMachine {
  yield?: (milliseconds: number, tick: number) => void;
  yield_callback?: (tick: number) => void;
}

/** Makes `machine` (`emulator.v86`) yield so. Leaves a v86 alone that has other internals, and Node's. */
export function useQuickYield(machine: object): void {
  const yielding = machine as YieldingMachine;
  const slow = yielding.yield?.bind(machine);
  if (!slow || typeof yielding.yield_callback !== "function") return;
  if (typeof process !== "undefined" || typeof MessageChannel === "undefined") return;
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent<number>) => yielding.yield_callback?.(event.data);
  const sleep = exactSleep((tick) => yielding.yield_callback?.(tick));
  yielding.yield = (milliseconds, tick) => {
    if (!(milliseconds > 0)) port2.postMessage(tick);
    // Browsers may slow the timers of a hidden page down, but not those of its workers.
    else if (sleep && !globalThis.document?.hidden) sleep(milliseconds, tick);
    else slow(milliseconds, tick);
  };
}

/** Undefined where there is no shared memory to wait on. */
function exactSleep(
  wake: (tick: number) => void,
): ((milliseconds: number, tick: number) => void) | undefined {
  if (typeof SharedArrayBuffer === "undefined" || !("waitAsync" in Atomics)) return undefined;
  const nobody = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  return (milliseconds, tick) => {
    const wait = Atomics.waitAsync(nobody, 0, 0, milliseconds);
    if (wait.async) void wait.value.then(() => wake(tick));
    else setTimeout(wake, 0, tick);
  };
}
