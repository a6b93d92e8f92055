/** A TPM in the device worker for a device on the page's own thread: commands and answers go as messages. */
import type { BackendInfo, DeliveryOptions, StateBlob, TpmBackend, TpmState } from "../backend/port.ts";
import type { OpenBackend } from "../worker/connect.ts";
import type { EngineOptions } from "../worker/events.ts";
import type { DeviceWorker, WorkerCalls } from "./device-worker.ts";
import { PendingCalls } from "./pending-calls.ts";

export class RemoteBackend implements TpmBackend {
  onFailure: ((error: Error) => void) | undefined;
  readonly #worker: DeviceWorker;
  readonly #info: BackendInfo;
  readonly #pending = new PendingCalls();
  #deliveries = 0;
  #failed = false;

  /** Use {@link openRemote}. */
  constructor(worker: DeviceWorker, info: BackendInfo) {
    this.#worker = worker;
    this.#info = info;
    worker.lost.catch((error: Error) => this.fail(error));
  }

  /** Powered on by {@link openRemote} already. */
  async start(): Promise<BackendInfo> {
    return this.#info;
  }

  reset(state?: TpmState): Promise<void> {
    return this.#call((backend) => backend.reset(state));
  }
  async deliver(
    locality: number,
    command: Uint8Array,
    { signal }: DeliveryOptions = {},
  ): Promise<Uint8Array> {
    const id = ++this.#deliveries;
    const response = this.#call((backend) => backend.deliver(id, locality, command));
    // A worker that is gone has told so; the delivery fails with it.
    const cancel = () => void this.#call((backend) => backend.cancel(id)).catch(() => undefined);
    if (signal?.aborted) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await response;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }
  establishmentFlag(): Promise<boolean> {
    return this.#call((backend) => backend.establishmentFlag());
  }
  resetEstablishmentFlag(locality: number): Promise<void> {
    return this.#call((backend) => backend.resetEstablishmentFlag(locality));
  }
  measureLaunch(data: Uint8Array): Promise<void> {
    return this.#call((backend) => backend.measureLaunch(data));
  }
  getState(): Promise<TpmState> {
    return this.#call((backend) => backend.getState());
  }
  getStateBlob(name: keyof TpmState): Promise<StateBlob> {
    return this.#call((backend) => backend.getStateBlob(name));
  }
  async shutdown(): Promise<void> {
    if (!this.#failed) await this.#call((backend) => backend.shutdown());
  }

  /** The worker, or the TPM in it, is gone: what is under way is rejected, what comes too. */
  fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#pending.fail(error);
    this.onFailure?.(error);
  }

  #call<T>(call: (backend: WorkerCalls["backend"]) => Promise<T>): Promise<T> {
    return this.#pending.wait(() => call(this.#worker.calls.backend));
  }
}

/** Opens a TPM in the worker. @throws as `openBackend` does. */
export async function openRemote(
  worker: DeviceWorker,
  options: EngineOptions,
  state?: TpmState,
): Promise<OpenBackend & { backend: RemoteBackend }> {
  const on = await Promise.race([worker.calls.backend.openBackend(options, state), worker.lost]);
  return { ...on, backend: new RemoteBackend(worker, on.info) };
}
