/**
 * No child outlives this process. swtpm sees its socket pair close whatever happens to us; what remains to be done at
 * an ordinary end or on a signal is to end those that are deaf to that, and to remove private directories.
 */
import type { ChildProcess } from "node:child_process";

interface Ward {
  child: ChildProcess;
  cleanUp: () => void;
}

const wards = new Set<Ward>();
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function endAll(): void {
  for (const { child, cleanUp } of wards) {
    child.kill("SIGKILL");
    cleanUp();
  }
  wards.clear();
}

function onSignal(signal: NodeJS.Signals): void {
  // Somebody else handles the signal; when they are done, the process ends, and `endAll` is called then.
  if (process.listenerCount(signal) > 1) return;
  endAll();
  stopListening();
  // Now let the signal do what it does by default.
  process.kill(process.pid, signal);
}

function startListening(): void {
  process.on("exit", endAll);
  // First in the row: listeners that are called once must still be there to be counted.
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
}

function stopListening(): void {
  process.off("exit", endAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

/** Ends `child` and calls `cleanUp` when this process ends. @returns a function that calls this off. */
export function endWithThisProcess(child: ChildProcess, cleanUp: () => void): () => void {
  if (wards.size === 0) startListening();
  const ward = { child, cleanUp };
  wards.add(ward);
  return () => {
    if (wards.delete(ward) && wards.size === 0) stopListening();
  };
}
