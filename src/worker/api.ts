/** What the page calls in the device worker (by comlink); events come back through the callback. */
import type { LinkMemory } from "../link/layout.ts";
import type { EngineEvent, EngineOptions } from "./events.ts";

export interface DeviceWorkerApi {
  /** Makes the device in the shared memory, connects and powers on. Resolves when that is over, well or not. */
  start(options: EngineOptions, memory: LinkMemory, emit: (event: EngineEvent) => void): Promise<void>;
  /** See `TpmEngine.run`. */
  run(command: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A message that wakes the worker where `Atomics.waitAsync` is missing. */
export const DOORBELL = "doorbell";
