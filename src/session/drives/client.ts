/** A drive that is kept, as the page has it: its layer of written sectors, in a worker of its own. */
import { type Remote, releaseProxy, transfer, wrap } from "comlink";
import type { SectorWrite } from "../../machine/drive/log.ts";
import type { DriveLayer } from "../../machine/drive/queue.ts";
import { DriveError } from "../../machine/drive/source.ts";
import { throwingErrors } from "../../worker/crossing.ts";
import type { DrivePlace, DriveSizes, DriveWorkerApi } from "./api.ts";

/** Literally in this form, so that bundlers see the worker. */
const defaultWorker = () =>
  new Worker(new URL("./drive.worker.ts", import.meta.url), { type: "module", name: "WebTPM drive" });

export class KeptLayer implements DriveLayer {
  readonly place: DrivePlace;
  readonly #worker: Worker;
  readonly #remote: Remote<DriveWorkerApi>;
  readonly #calls: Remote<DriveWorkerApi>;
  readonly #lost: Promise<never>;
  #closed = false;
  #sizes: DriveSizes = { written: 0, stored: 0 };
  /** The call made last: each waits for the one before it. */
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(place: DrivePlace, createWorker: () => Worker) {
    this.place = place;
    this.#worker = createWorker();
    this.#remote = wrap<DriveWorkerApi>(this.#worker);
    this.#calls = throwingErrors(this.#remote);
    this.#lost = new Promise((_, reject) => {
      this.#worker.addEventListener("error", ({ message }) =>
        reject(
          new DriveError(
            `the worker that keeps ${place.head.name} has failed (${message || "it could not be loaded"})`,
            "unreadable",
          ),
        ),
      );
    });
    this.#lost.catch(() => undefined);
  }

  /**
   * Opens what is kept of a drive, or begins it. Nobody else has it until it is closed, or the page is.
   * @throws {DriveError} when another tab has it, when it cannot be read, or when nothing can be kept.
   */
  static async open(place: DrivePlace, createWorker: () => Worker = defaultWorker): Promise<KeptLayer> {
    const layer = new KeptLayer(place, createWorker);
    try {
      layer.#tell(await layer.#next(() => layer.#calls.open(place)));
      return layer;
    } catch (error) {
      layer.#end();
      throw error;
    }
  }

  get written(): number {
    return this.#sizes.written;
  }

  get sizes(): DriveSizes {
    return this.#sizes;
  }

  get closed(): boolean {
    return this.#closed;
  }

  clusters(bytes: number): Promise<Float64Array> {
    return this.#next(() => this.#calls.clusters(bytes));
  }

  overlay(start: number, data: Uint8Array): Promise<Uint8Array> {
    return this.#next(() => this.#calls.overlay(start, transfer(data, [data.buffer as ArrayBuffer])));
  }

  async write(writes: readonly SectorWrite[]): Promise<void> {
    this.#tell(await this.#next(() => this.#calls.write(writes)));
  }

  flush(): Promise<void> {
    return this.#next(() => this.#calls.flush());
  }

  save(limit: number): Promise<SectorWrite[]> {
    return this.#next(() => this.#calls.save(limit));
  }

  async replace(writes: readonly SectorWrite[]): Promise<void> {
    this.#tell(await this.#next(() => this.#calls.replace(writes)));
  }

  async close(): Promise<void> {
    try {
      await this.#next(() => this.#calls.close());
    } finally {
      this.#end();
    }
  }

  #tell(sizes: DriveSizes): void {
    this.#sizes = sizes;
  }

  #next<T>(call: () => Promise<T>): Promise<T> {
    const done = this.#tail
      .then(() => Promise.race([call(), this.#lost]))
      .catch((error: Error) => {
        throw error.name === "DriveError" && !(error instanceof DriveError)
          ? new DriveError(error.message, "unreadable", { cause: error })
          : error;
      });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  #end(): void {
    this.#closed = true;
    this.#remote[releaseProxy]();
    this.#worker.terminate();
  }
}
