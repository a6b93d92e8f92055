/**
 * The device worker: the device with its TPM behind shared memory, or the TPM alone. Called by the page through
 * comlink; what happens comes back as plain messages.
 */
import { expose } from "comlink";
import { toFailure } from "../backend/failure.ts";
import { OrderedTpm } from "../backend/ordered.ts";
import { TIS } from "../device/tis/front-end.ts";
import {
  type BackendCalls,
  type DeviceCalls,
  type DeviceWorkerApi,
  DOORBELL,
  type WorkerMessage,
} from "./api.ts";
import { type Notice, openBackend } from "./connect.ts";
import { throwingErrors, throwingFailures } from "./crossing.ts";
import { TpmEngine } from "./engine.ts";
import { EventBatch } from "./event-batch.ts";
import type { BackendTarget } from "./events.ts";
import { frontEndNamed } from "./front-ends.ts";
import { keeping, type OpenTpm } from "./keeping.ts";
import { LinkServer } from "./link/server.ts";

/** The page called things in the wrong order. */
class NotStartedError extends Error {
  override name = "NotStartedError";
}

const send = (message: WorkerMessage, transfer: ArrayBufferLike[] = []) =>
  self.postMessage(message, { transfer: transfer as ArrayBuffer[] });

interface Served {
  engine: TpmEngine;
  server: LinkServer;
  batch: EventBatch;
  /** Opens TPMs elsewhere for the same device. */
  openAt(target: BackendTarget): OpenTpm;
}

let served: Served | undefined;
let alone: OrderedTpm | undefined;
/** What the TPM alone was given and has not answered. */
const deliveries = new Map<number, AbortController>();

function started() {
  if (!served) throw new NotStartedError("the device was not started in this worker");
  return served;
}

/** What is asked for may wait for the guest's next move: the page is to tell each one from here on. */
function attended<T>(ask: (engine: TpmEngine) => T): T {
  const { engine, server } = started();
  const answer = ask(engine);
  server.serve();
  return answer;
}

function opened(): OrderedTpm {
  if (!alone) throw new NotStartedError("no TPM was opened in this worker");
  return alone;
}

const device: DeviceCalls = {
  start(options, memory, keep) {
    const batch = new EventBatch((events, transfer) => send({ events }, transfer));
    const notice: Notice = (message, label) =>
      batch.push({ type: "notice", message, ...(label !== undefined && { label }) });
    const openAt = (target: BackendTarget) =>
      keeping(
        (state) => openBackend({ ...options, target }, state, notice),
        keep && throwingErrors(keep),
        options.factory,
      );
    const frontEnd = frontEndNamed(options.frontEnd ?? TIS.name);
    const engine: TpmEngine = new TpmEngine({
      frontEnd,
      version: options.version,
      open: openAt(options.target),
      emit(event) {
        batch.push(event);
        if (event.type === "failed") queueMicrotask(() => server.serve());
      },
      memory: memory.state,
      onIrq: () => batch.push({ type: "irq" }),
      change: (work) => server.change(work),
    });
    const server: LinkServer = new LinkServer({
      memory,
      device: engine,
      base: frontEnd.window.base,
      onReset: (count) => engine.reset(count),
      attentive: () => engine.attentive,
    });
    served = { engine, server, batch, openAt };
    engine.start(options.reset);
  },
  run: (command) => attended((engine) => engine.run(command)),
  readPcrs: () => attended((engine) => engine.readPcrs()),
  snapshot: () => started().engine.snapshot(),
  restore: (snapshot) => started().engine.restore(snapshot),
  standIn: (device, commands) => attended((engine) => engine.standIn(device, commands)),
  move(target) {
    const { engine, openAt } = started();
    return engine.move(openAt(target));
  },
  watch: (on) => attended((engine) => engine.watch(on)),
  stats: () => started().server.stats,
  flush: () => started().batch.flush(),
  async close() {
    served?.server.close();
    await served?.engine.close();
  },
};

const backend: BackendCalls = {
  async openBackend(options, state) {
    const { backend, ...on } = await openBackend(options, state, (message, label) =>
      send({ notice: message, ...(label !== undefined && { label }) }),
    );
    alone = new OrderedTpm(backend);
    alone.onFailure = (error) => send({ backendFailure: toFailure(error) });
    return on;
  },
  reset: (state) => opened().reset(state),
  async deliver(id, locality, command) {
    const cancel = new AbortController();
    deliveries.set(id, cancel);
    try {
      return await opened().deliver(locality, command, { signal: cancel.signal });
    } finally {
      deliveries.delete(id);
    }
  },
  cancel: (id) => deliveries.get(id)?.abort(),
  establishmentFlag: () => opened().establishmentFlag(),
  resetEstablishmentFlag: (locality) => opened().resetEstablishmentFlag(locality),
  measureLaunch: (data) => opened().measureLaunch(data),
  getState: () => opened().getState(),
  getStateBlob: (name) => opened().getStateBlob(name),
  async shutdown() {
    await alone?.shutdown();
  },
};

self.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
  if (data === DOORBELL) served?.server.serve();
});
expose({
  ping: () => undefined,
  device: throwingFailures(device),
  backend: throwingFailures(backend),
} satisfies DeviceWorkerApi);
