/** The device worker as the page holds it: started, watched, ended. */
import { type Remote, releaseProxy, wrap } from "comlink";
import { WorkerWatch } from "../backend/liveness/worker-watch.ts";
import { type BackendCalls, type DeviceCalls, DOORBELL, type WorkerMessage } from "../worker/api.ts";
import { throwingErrors } from "../worker/crossing.ts";

/** How long a worker may take to close its sockets before it is ended, in milliseconds. */
const CLOSE_LIMIT_MS = 2000;

/** Literally in this form, so that bundlers see the worker. */
const defaultWorker = () =>
  new Worker(new URL("../worker/tpm.worker.ts", import.meta.url), { type: "module", name: "WebTPM device" });

/** The worker's functions as comlink offers them here: `DeviceWorkerApi`, in whose parts comlink's types do not look. */
export interface WorkerCalls {
  ping(): Promise<void>;
  device: Remote<DeviceCalls>;
  backend: Remote<BackendCalls>;
  [releaseProxy](): void;
}

export interface DeviceWorkerOptions {
  createWorker?: (() => Worker) | undefined;
  onMessage(message: WorkerMessage): void;
}

/** The worker is dead or stuck, and was ended. The message is for people. */
export class WorkerLostError extends Error {
  override name = "WorkerLostError";
}

export class DeviceWorker {
  readonly calls: WorkerCalls;
  /** Rejects with a {@link WorkerLostError} when the worker is dead or stuck. */
  readonly lost: Promise<never>;
  readonly #worker: Worker;
  #tellLoss!: (error: WorkerLostError) => void;
  /** A worker whose event loop stands still is found out even if the guest asks nothing of it. */
  readonly #watch: WorkerWatch;
  #ended = false;
  /**
   * Comlink keeps a worker for as long as any proxy of its functions is alive. One that has ended may hold nothing: by
   * its listeners it would keep those proxies, and with them the machine with its memory, for the page's life.
   */
  readonly #listening = new AbortController();

  constructor(options: DeviceWorkerOptions) {
    this.lost = new Promise((_, reject) => {
      this.#tellLoss = reject;
    });
    this.lost.catch(() => undefined);
    this.#worker = (options.createWorker ?? defaultWorker)();
    const calls = wrap(this.#worker) as unknown as WorkerCalls;
    this.calls = {
      ping: () => calls.ping(),
      device: throwingErrors(calls.device),
      backend: throwingErrors(calls.backend),
      [releaseProxy]: () => calls[releaseProxy](),
    };
    const { signal } = this.#listening;
    const onMessage = ({ data }: MessageEvent<Partial<WorkerMessage>>) => {
      this.#watch.spoke();
      if ("events" in data || "backendFailure" in data || "notice" in data)
        options.onMessage(data as WorkerMessage);
    };
    const onError = (event: ErrorEvent) =>
      this.#lose(`the TPM's worker has failed (${event.message || "it could not be loaded"})`);
    this.#worker.addEventListener("message", onMessage, { signal });
    this.#worker.addEventListener("error", onError, { signal });
    this.#watch = new WorkerWatch(
      () => this.calls.ping(),
      () => this.#lose("the TPM's worker was stuck and has been ended"),
    );
  }

  /** True once the worker was ended, for whatever reason. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Wakes the worker where `Atomics.waitAsync` is missing. */
  ring(): void {
    this.#worker.postMessage(DOORBELL);
  }

  /** Waits for `goodbye`, though not for long, and ends the worker. */
  async close(goodbye: Promise<void>): Promise<void> {
    if (this.#ended) return;
    const limit = new Promise((resolve) => setTimeout(resolve, CLOSE_LIMIT_MS));
    // A worker that cannot say goodbye is ended all the same.
    await Promise.race([goodbye.catch(() => undefined), limit]);
    this.end();
  }

  /** Ends the worker at once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch.end();
    this.#listening.abort();
    this.calls[releaseProxy]();
    this.#worker.terminate();
  }

  #lose(reason: string): void {
    if (this.#ended) return;
    this.end();
    this.#tellLoss(new WorkerLostError(reason));
  }
}
