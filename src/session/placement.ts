/**
 * Where the device runs: in a worker behind shared memory, or on the emulator's own thread. Both give the session
 * the same few things.
 */
import { proxy, transfer } from "comlink";
import { toError } from "../backend/failure.ts";
import type { TpmKeep } from "../backend/port.ts";
import type {
  AccessSize,
  DeviceSnapshot,
  FrontEnd,
  FrontEndView,
  MmioDevice,
} from "../device/frontend/port.ts";
import type { WorkerMessage } from "../worker/api.ts";
import { type Notice, openBackend } from "../worker/connect.ts";
import { throwingFailures } from "../worker/crossing.ts";
import { TpmEngine } from "../worker/engine.ts";
import { EventBatch } from "../worker/event-batch.ts";
import type { BackendTarget, EngineEvent, EngineOptions, TpmSnapshot } from "../worker/events.ts";
import { isInWorker } from "../worker/front-ends.ts";
import { keeping, type OpenTpm } from "../worker/keeping.ts";
import { createLinkMemory } from "../worker/link/layout.ts";
import { MmioProxy } from "../worker/link/proxy.ts";
import { CAN_WAIT } from "../worker/link/server.ts";
import { DeviceWorker } from "./device-worker.ts";
import { shutDown, TpmFailedError } from "./errors.ts";
import { PendingCalls } from "./pending-calls.ts";
import { openRemote, type RemoteBackend } from "./remote-backend.ts";
import type { PcrBank } from "./types.ts";

/** What the session holds of a device, wherever it runs. */
export interface PlacedDevice extends MmioDevice {
  /** What the registers show now. */
  readonly view: FrontEndView;
  /** What a read would give, without its side effects. */
  peek(address: number, size: AccessSize): number;
  /** The machine was reset for the n-th time; ordered with accesses. An event tells when the TPM's power cycle is over. */
  reset(count: number): void;
  /** See `TpmEngine`, also for the next six. */
  run(command: Uint8Array): Promise<Uint8Array>;
  readPcrs(): Promise<PcrBank[]>;
  snapshot(): Promise<TpmSnapshot>;
  restore(snapshot: TpmSnapshot): Promise<void>;
  standIn(device: DeviceSnapshot, commands: readonly Uint8Array[]): Promise<void>;
  /** @param open in place of `target`, where the device is on this thread. */
  move(target: BackendTarget, open?: OpenTpm): Promise<void>;
  watch(on: boolean): void;
  /** Takes notice of an answer that is there by now. */
  look(): void;
  /** Events of what has happened so far have been told when this resolves. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export type { OpenTpm };

export interface PlaceOptions {
  engine: EngineOptions;
  /** The registers that the guest sees. */
  frontEnd: FrontEnd;
  /** A TPM of the embedder's own, on the page's thread, in place of `engine.target`. */
  open?: OpenTpm | undefined;
  /** Where the TPM's permanent state is kept; without it, it lives as long as the session with the TPM. */
  keep?: TpmKeep | undefined;
  onEvents(events: EngineEvent[]): void;
  /** The guest has started a command: called on this thread, from within that very access. */
  onExecute(): void;
  /** No answer is due any more: called as soon as this thread knows. May be called when none was. */
  onAnswered(): void;
  /** The interrupt line's level has changed; told from within the access that did it. */
  onIrq(raised: boolean): void;
  /** The device is lost: its worker is dead or stuck. */
  onLost(error: Error): void;
  createWorker?: (() => Worker) | undefined;
}

/** Why such a device cannot be in a worker here; undefined when it can. */
export function whyNotWorker(frontEnd: FrontEnd): string | undefined {
  if (!isInWorker(frontEnd)) return "its registers are the embedder's own, on the page's thread";
  if (typeof Worker === "undefined") return "there are no workers here";
  if (typeof SharedArrayBuffer === "undefined" || globalThis.crossOriginIsolated === false) {
    return "the page is not cross-origin isolated (its server sends no COOP and COEP headers)";
  }
  return undefined;
}

const portsOf = (target: BackendTarget) => (target.kind === "hidden" ? [target.control, target.data] : []);

export function placeInWorker(options: PlaceOptions): PlacedDevice {
  const { frontEnd, keep, onEvents, onExecute, onAnswered, onIrq, onLost, createWorker } = options;
  const worker = new DeviceWorker({
    createWorker,
    onMessage: (message: WorkerMessage) => {
      if ("events" in message) onEvents(message.events);
    },
  });
  worker.lost.catch((error: Error) => link.break(error.message));
  // A worker that has ended answers nothing; nobody is to wait for it, with the machine held perhaps.
  const pending = new PendingCalls();
  const engine = { ...options.engine, frontEnd: frontEnd.name };
  const memory = createLinkMemory(frontEnd.stateBytes);
  const link: MmioProxy = new MmioProxy({
    memory,
    frontEnd,
    onExecute,
    onAnswered,
    onIrq,
    onBroken: (error) => {
      worker.end();
      pending.fail(new TpmFailedError(error.message, { cause: error }));
      onLost(error);
    },
    ...(!CAN_WAIT && { ring: () => worker.ring() }),
  });
  const { device } = worker.calls;
  device
    .start(
      transfer(engine, portsOf(engine.target)),
      memory,
      keep && proxy(throwingFailures(keep, ["load", "save"])),
    )
    .catch((error: Error) => link.break(error.message));
  return {
    get view() {
      return link.view;
    },
    read: (address, size) => link.read(address, size),
    write: (address, size, value) => link.write(address, size, value),
    peek: (address, size) => link.peek(address, size),
    reset: (count) => link.reset(count),
    run: (command) => pending.wait(() => device.run(command)),
    readPcrs: () => pending.wait(() => device.readPcrs()),
    snapshot() {
      link.settle();
      return pending.wait(() => device.snapshot());
    },
    restore(snapshot) {
      link.settle();
      return pending.wait(() => device.restore(snapshot));
    },
    standIn(snapshot, commands) {
      link.settle();
      return pending.wait(() => device.standIn(snapshot, commands));
    },
    move: (target) => pending.wait(() => device.move(transfer(target, portsOf(target)))),
    watch(on) {
      // A call that is never answered would keep the worker, and with it the machine, for the page's life.
      if (worker.ended) return;
      // A worker that is gone tells so itself.
      device.watch(on).catch(() => undefined);
    },
    look: () => link.look(),
    flush: () => pending.wait(() => device.flush()),
    async close() {
      if (!worker.ended) await worker.close(device.close());
      pending.fail(shutDown());
    },
  };
}

export function placeLocally(options: PlaceOptions): PlacedDevice {
  const batch = new EventBatch((events) => options.onEvents(events));
  const notice: Notice = (message, label) =>
    batch.push({ type: "notice", message, ...(label !== undefined && { label }) });
  let source = tpmSource({ ...options, notice }, options.engine.target, options.open);
  const engine = new TpmEngine({
    version: options.engine.version,
    frontEnd: options.frontEnd,
    open: keeping(source.open, options.keep, options.engine.factory),
    emit: (event) => batch.push(event),
    onExecute: options.onExecute,
    onAnswered: options.onAnswered,
    onIrq: options.onIrq,
  });
  engine.start(options.engine.reset);
  return {
    view: engine.view,
    read: (address, size) => engine.read(address, size),
    write: (address, size, value) => engine.write(address, size, value),
    peek: (address, size) => engine.view.peek(address, size),
    reset: (count) => engine.reset(count),
    run: (command) => engine.run(command),
    readPcrs: () => engine.readPcrs(),
    snapshot: () => engine.snapshot(),
    restore: (snapshot) => engine.restore(snapshot),
    standIn: (device, commands) => engine.standIn(device, commands),
    async move(target, open) {
      const next = tpmSource({ ...options, notice }, target, open);
      try {
        await engine.move(keeping(next.open, options.keep, options.engine.factory));
      } catch (error) {
        await next.close(Promise.resolve());
        throw error;
      }
      const left = source;
      source = next;
      await left.close(Promise.resolve());
    },
    watch: (on) => engine.watch(on),
    look: () => undefined,
    flush: async () => batch.flush(),
    close: () => source.close(engine.close()),
  };
}

/** What opens TPMs for a device on this thread: the embedder's own, a worker, or this thread itself. */
interface TpmSource {
  open: OpenTpm;
  close(goodbye: Promise<void>): Promise<void>;
}

interface SourceOptions extends PlaceOptions {
  notice: Notice;
}

function tpmSource(options: SourceOptions, target: BackendTarget, open: OpenTpm | undefined): TpmSource {
  const engine = { ...options.engine, target };
  if (open) return { open, close: (goodbye) => goodbye };
  if (typeof Worker !== "undefined") return new TpmWorker({ ...options, engine });
  return { open: (state) => openBackend(engine, state, options.notice), close: (goodbye) => goodbye };
}

/** The worker that has the TPM while the device is here; a new one after each that was lost. */
class TpmWorker implements TpmSource {
  readonly #options: SourceOptions;
  #worker: DeviceWorker | undefined;
  #backend: RemoteBackend | undefined;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  readonly open: OpenTpm = async (state) => {
    const { engine, createWorker } = this.#options;
    if (!this.#worker || this.#worker.ended) {
      this.#worker = new DeviceWorker({
        createWorker,
        onMessage: (message) => {
          if ("backendFailure" in message) this.#backend?.fail(toError(message.backendFailure));
          else if ("notice" in message) this.#options.notice(message.notice, message.label);
        },
      });
    }
    const opened = await openRemote(this.#worker, transfer(engine, portsOf(engine.target)), state);
    this.#backend = opened.backend;
    return opened;
  };

  async close(goodbye: Promise<void>): Promise<void> {
    await this.#worker?.close(goodbye);
  }
}
