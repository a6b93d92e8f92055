/**
 * What a guest writes on its way to where it is kept: in the order in which it was written, one batch after the other,
 * so that a batch that could not be taken stands first and can be given again. Reads see it meanwhile.
 */
import type { SectorWrite } from "./log.ts";

/** Where a drive's written sectors are kept, beyond the page. All calls are carried out in their order. */
export interface DriveLayer {
  /** Bytes that are there. */
  readonly written: number;
  /** Gives `data`, read at `start`, back with what was written over it. @throws {DriveError} */
  overlay(start: number, data: Uint8Array): Promise<Uint8Array>;
  /** Resolves when all of it is taken, though not safe from a power cut. */
  write(writes: readonly SectorWrite[]): Promise<void>;
  /** Resolves when all that was taken is safe. */
  flush(): Promise<void>;
  /** Numbers of the pieces of so many bytes, a multiple of a sector, in which anything was written; ascending. */
  clusters(bytes: number): Promise<Float64Array>;
  /** All that was written. @throws {DriveError} when that is more than `limit` bytes. */
  save(limit: number): Promise<SectorWrite[]>;
  /** Takes the place of all that was written; all of it or nothing. */
  replace(writes: readonly SectorWrite[]): Promise<void>;
  /** Writes and keeps what is under way, and gives the place free. */
  close(): Promise<void>;
}

/** Bytes that may be under way before the guest has to wait. */
const MOST_WAITING = 8 * 2 ** 20;
/** Bytes that are handed over at once, more only where one write is larger. */
const BATCH = 2 ** 20;

export class WriteQueue {
  readonly #layer: DriveLayer;
  #onTrouble: (error: Error, retry: () => void) => void;
  #waiting: SectorWrite[] = [];
  #bytes = 0;
  /** Guests' writes that wait for room. */
  #full: (() => void)[] = [];
  #running: Promise<void> | undefined;
  /** What has failed and waits to be tried again. */
  readonly #failed = new Set<() => void>();

  constructor(layer: DriveLayer, onTrouble: (error: Error, retry: () => void) => void) {
    this.#layer = layer;
    this.#onTrouble = onTrouble;
  }

  /** @param taken called at once, or, when much is under way, when there is room */
  write(start: number, data: Uint8Array, taken: () => void): void {
    // The emulator may use its memory again.
    this.#waiting.push({ start, data: data.slice() });
    this.#bytes += data.length;
    this.#running ??= this.#run();
    if (this.#bytes <= MOST_WAITING) taken();
    else this.#full.push(taken);
  }

  /** Puts what is under way over what `data`, read at `start`, holds. */
  overlay(start: number, data: Uint8Array): void {
    for (const write of this.#waiting) {
      const from = Math.max(start, write.start);
      const to = Math.min(start + data.length, write.start + write.data.length);
      if (from < to) data.set(write.data.subarray(from - write.start, to - write.start), from - start);
    }
  }

  /** Resolves when all that was written before it is safe, however long that takes. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running;
    await this.#again(() => this.#layer.flush());
  }

  /**
   * Gives what is under way to the layer for the last time: what has failed is tried once more, whoever was told of it.
   * @throws what keeps it from that; what is under way by then is lost.
   */
  async close(): Promise<void> {
    const trouble = new Promise<never>((_, reject) => {
      this.#onTrouble = reject;
    });
    for (const retry of this.#failed) retry();
    await Promise.race([this.flush(), trouble]);
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      let bytes = 0;
      let count = 0;
      do bytes += this.#waiting[count++]!.data.length;
      while (count < this.#waiting.length && bytes < BATCH);
      const batch = this.#waiting.slice(0, count);
      await this.#again(() => this.#layer.write(batch));
      this.#waiting.splice(0, count);
      this.#bytes -= bytes;
      if (this.#bytes <= MOST_WAITING) for (const taken of this.#full.splice(0)) taken();
    }
    this.#running = undefined;
  }

  /** Tells of a failure, and tries again when that is wanted. */
  async #again(attempt: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        await this.#retry(error as Error);
      }
    }
  }

  /** Resolves when it is to be tried again. */
  #retry(error: Error): Promise<void> {
    return new Promise((go) => {
      const retry = () => {
        this.#failed.delete(retry);
        go();
      };
      this.#failed.add(retry);
      this.#onTrouble(error, retry);
    });
  }
}
