/**
 * Where the device runs: in a worker behind shared memory, or on the emulator's own thread. Both give the session
 * the same few things.
 */
import { proxy, type Remote, releaseProxy, transfer, wrap } from "comlink";
import { createLinkMemory, LINK, mapLink } from "../link/layout.ts";
import { MmioProxy } from "../link/proxy.ts";
import type { AccessSize, MmioDevice } from "../tis/ports.ts";
import { type DeviceWorkerApi, DOORBELL } from "../worker/api.ts";
import { TpmEngine } from "../worker/engine.ts";
import type { EngineEvent, EngineOptions } from "../worker/events.ts";
import type { Placement } from "./types.ts";

/** What the session holds of a device, wherever it runs. */
export interface PlacedDevice extends MmioDevice {
  readonly placement: Placement;
  peek(address: number, size: AccessSize): number;
  /** The machine was reset for the n-th time; ordered with accesses. An event tells when the TPM's power cycle is over. */
  reset(count: number): void;
  run(command: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface PlaceOptions {
  engine: EngineOptions;
  emit(event: EngineEvent): void;
  /** The device is lost: its worker is dead or stuck. */
  onLost(error: Error): void;
  createWorker?: (() => Worker) | undefined;
}

/** How often the page looks whether the worker lives, and how long it may be silent, in milliseconds. */
const LOOK_MS = 1000;
const SILENCE_LIMIT_MS = 6000;
/** How long a worker may take to close its sockets before it is ended. */
const CLOSE_LIMIT_MS = 2000;

/** Why the device cannot be in a worker here; undefined when it can. */
export function whyNotWorker(): string | undefined {
  if (typeof Worker === "undefined") return "this browser has no workers";
  if (typeof SharedArrayBuffer === "undefined" || globalThis.crossOriginIsolated === false) {
    return "the page is not cross-origin isolated (its server sends no COOP and COEP headers)";
  }
  return undefined;
}

/** Literally in this form, so that bundlers see the worker. */
const defaultWorker = () =>
  new Worker(new URL("../worker/tpm.worker.ts", import.meta.url), { type: "module", name: "WebTPM device" });

export function placeInWorker(options: PlaceOptions): PlacedDevice {
  const worker = (options.createWorker ?? defaultWorker)();
  const api: Remote<DeviceWorkerApi> = wrap<DeviceWorkerApi>(worker);
  const memory = createLinkMemory();
  const link = new MmioProxy({
    memory,
    onBroken: (error) => {
      clearInterval(watch);
      worker.terminate();
      options.onLost(error);
    },
    ...("waitAsync" in Atomics ? {} : { ring: () => worker.postMessage(DOORBELL) }),
  });
  const watch = watchHeart(mapLink(memory).control, () =>
    link.break("the TPM's worker is stuck and was ended; reset the machine to start a new one"),
  );
  worker.addEventListener("error", (event) => {
    link.break(
      `the TPM's worker has failed (${event.message || "it could not be loaded"}); reset the machine to start a new one`,
    );
  });
  const { target } = options.engine;
  const ports = target.kind === "hidden" ? [target.control, target.data] : [];
  api
    .start(transfer(options.engine, ports), memory, proxy(options.emit))
    .catch((error: Error) => link.break(error.message));
  return {
    placement: "worker",
    read: (address, size) => link.read(address, size),
    write: (address, size, value) => link.write(address, size, value),
    peek: (address, size) => link.peek(address, size),
    reset: (count) => link.reset(count),
    run: (command) => api.run(command),
    async close() {
      clearInterval(watch);
      const limit = new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS));
      if (!link.broken) await Promise.race([api.close().catch(() => undefined), limit]);
      api[releaseProxy]();
      worker.terminate();
    },
  };
}

/** Calls back once when the worker's event loop has not turned for too long although this one has. */
function watchHeart(control: Int32Array, onSilence: () => void): ReturnType<typeof setInterval> {
  let last = Atomics.load(control, LINK.HEARTBEAT);
  let silence = 0;
  let before = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const beat = Atomics.load(control, LINK.HEARTBEAT);
    // A page that was asleep itself learns nothing from the time that passed.
    silence = beat === last ? silence + Math.min(now - before, 2 * LOOK_MS) : 0;
    last = beat;
    before = now;
    if (silence < SILENCE_LIMIT_MS) return;
    clearInterval(timer);
    onSilence();
  }, LOOK_MS);
  return timer;
}

export function placeLocally(options: PlaceOptions): PlacedDevice {
  const engine = new TpmEngine(options.engine, { emit: options.emit });
  void engine.powerOn();
  const { device } = engine;
  return {
    placement: "local",
    read: (address, size) => device.read(address, size),
    write: (address, size, value) => device.write(address, size, value),
    peek: (address, size) => device.peek(address, size),
    reset: (count) => engine.reset(count),
    run: (command) => engine.run(command),
    close: () => engine.close(),
  };
}
