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
  endAll();
  stopListening();
  // Nobody else wants to handle the signal: let it do what it does by default.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

function startListening(): void {
  process.on("exit", endAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
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
