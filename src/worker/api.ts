/** What the page calls in the device worker (by comlink), and the messages that come back by themselves. */
import type { Failure } from "../backend/failure.ts";
import type { StateBlob, TpmKeep, TpmState } from "../backend/port.ts";
import type { DeviceSnapshot } from "../device/frontend/port.ts";
import type { PcrBank } from "../protocol/tpm2/pcr-bank.ts";
import type { BackendTarget, EngineEvent, EngineOptions, PoweredOn, TpmSnapshot } from "./events.ts";
import type { LinkMemory } from "./link/layout.ts";
import type { LinkStats } from "./link/server.ts";

/** The device and the TPM behind it, in the worker. */
export interface DeviceCalls {
  /** Makes the device in the shared memory, connects and powers on; an event tells how that went. */
  start(options: EngineOptions, memory: LinkMemory, keep?: TpmKeep): void;
  /** See `TpmEngine`, also for the next ones. */
  run(command: Uint8Array): Promise<Uint8Array>;
  readPcrs(): Promise<PcrBank[]>;
  snapshot(): Promise<TpmSnapshot>;
  restore(snapshot: TpmSnapshot): Promise<void>;
  standIn(device: DeviceSnapshot, commands: readonly Uint8Array[]): Promise<void>;
  move(target: BackendTarget): Promise<void>;
  watch(on: boolean): void;
  stats(): LinkStats;
  /** Sends the events that were kept back: they are there when this resolves. */
  flush(): void;
  close(): Promise<void>;
}

/** Only the TPM in the worker, while the device runs on the page's thread. As `TpmBackend`; one TPM at a time. */
export interface BackendCalls {
  openBackend(options: EngineOptions, state?: TpmState): Promise<PoweredOn>;
  reset(state?: TpmState): Promise<void>;
  /** @param id names the delivery to {@link cancel}; of the caller's choice. */
  deliver(id: number, locality: number, command: Uint8Array): Promise<Uint8Array>;
  /** Aborts a delivery; nothing happens when it is over. */
  cancel(id: number): void;
  establishmentFlag(): Promise<boolean>;
  resetEstablishmentFlag(locality: number): Promise<void>;
  measureLaunch(data: Uint8Array): Promise<void>;
  getState(): Promise<TpmState>;
  getStateBlob(name: keyof TpmState): Promise<StateBlob>;
  shutdown(): Promise<void>;
}

export interface DeviceWorkerApi {
  /** Answers when the worker's event loop turns. */
  ping(): void;
  device: DeviceCalls;
  backend: BackendCalls;
}

/** Messages of the worker's own, beside comlink's. */
export type WorkerMessage =
  | { events: EngineEvent[] }
  | { backendFailure: Failure }
  | { notice: string; label?: string };

/** A message that wakes the worker where `Atomics.waitAsync` is missing. */
export const DOORBELL = "doorbell";
