/**
 * A disk or CD as v86 takes one: read by pieces from its source, written to a layer of its own: one that lasts, where
 * it is given one, or in memory. v86's own readers of files
 * and addresses know no failure: a piece that cannot be read is waited for without end. Here the one who has the machine is
 * told, and the guest's read goes on when the piece can be had again.
 */
import type { SectorWrite } from "./log.ts";
import { type DriveLayer, WriteQueue } from "./queue.ts";
import { DriveError, type DriveSource } from "./source.ts";
import { SECTOR, WrittenSectors, wholeSectors } from "./written.ts";

/** Bytes that are read from the source at once; a guest reads files from their beginning to their end. */
const PIECE = 128 * 1024;
/** Pieces that are kept, the least used go: 16 MiB. */
const MOST_PIECES = 128;
/** Bytes that the guest may have written for a snapshot to hold them. */
const MOST_SAVED = 512 * 2 ** 20;
/** Says what a saved state is of. */
const FORMAT = "webtpm drive 1";

/** What a saved state says of its drive. */
export interface SavedDrive {
  identity: unknown;
  name: unknown;
  /** In bytes. */
  size: unknown;
}

/** Of a state that `get_state` has given; undefined for anything else. */
export function savedDrive([format, identity, name, size]: readonly unknown[]): SavedDrive | undefined {
  return format === FORMAT ? { identity, name, size } : undefined;
}

/** Told of a read that failed. @param retry reads again; nothing is lost meanwhile */
export type OnDriveTrouble = (error: DriveError, retry: () => void) => void;

/** Told as a drive ends of what the guest has written to it, and could not be kept. */
export type OnDriveLoss = (error: DriveError) => void;

/** What v86 calls of a drive (its `buffer`), which it does not document; tried with `TRIED_V86_VERSION`. */
export interface V86Drive {
  byteLength: number;
  /** Set by v86, which waits for it. */
  onload: ((event: object) => void) | undefined;
  load(): void;
  get(start: number, length: number, done: (data: Uint8Array) => void): void;
  /** While the machine is made, which waits for it: the boot sector. */
  get_and_cache(start: number, length: number, done: (data: Uint8Array) => void): void;
  get_from_cache(start: number, length: number): Uint8Array | undefined;
  set(start: number, data: Uint8Array, done: () => void): void;
  get_buffer(done: (whole?: ArrayBuffer) => void): void;
  get_state(): unknown[];
  set_state(state: unknown[]): void;
}

export class Drive implements V86Drive {
  readonly byteLength: number;
  onload: ((event: object) => void) | undefined;
  /** Who has the machine; told of each read that failed. */
  onTrouble: OnDriveTrouble | undefined;
  onLoss: OnDriveLoss | undefined;
  /** Each write is done only when it is safe: the guest has switched the write cache off. */
  writeThrough = false;
  readonly #source: DriveSource;
  readonly #layer: DriveLayer | undefined;
  readonly #queue: WriteQueue | undefined;
  #closed = false;
  /** Without a layer: all that was written. */
  readonly #written = new WrittenSectors();
  /**
   * By number, the one used last at the end: of the source, and where there is a layer, with all that was written over
   * it.
   */
  readonly #pieces = new Map<number, Promise<Uint8Array> | Uint8Array>();
  /** What a snapshot is to hold of the layer; read before it, as it is taken at once. */
  #toSave: readonly SectorWrite[] | undefined;
  /**
   * A saved state that v86 has given, for the layer: it would take the place of what is kept, and waits until the rest of
   * the machine has taken its own.
   */
  #toRestore: { writes: readonly SectorWrite[]; done: (kept: Promise<void>) => void } | undefined;
  /** Such a state is not in the layer yet; nothing is read before. */
  #restoring: Promise<void> = Promise.resolve();

  /** @param layer keeps what is written; without it, that ends with the drive */
  constructor(source: DriveSource, layer?: DriveLayer) {
    this.#source = source;
    this.byteLength = source.size;
    this.#layer = layer;
    this.#queue = layer && new WriteQueue(layer, (error, retry) => this.#failed(error, retry, "kept"));
  }

  get name(): string {
    return this.#source.name;
  }

  /** Bytes that the guest has written. */
  get writtenBytes(): number {
    return this.#layer?.written ?? this.#written.sectors * SECTOR;
  }

  /** True when what the guest writes outlives this drive. */
  get lasting(): boolean {
    return this.#layer !== undefined;
  }

  /** Its machine has ended. */
  get closed(): boolean {
    return this.#closed;
  }

  /** True for a saved state of this very drive, as it is. */
  isOf({ identity, size }: SavedDrive): boolean {
    return size === this.byteLength && identity === this.#source.identity;
  }

  /** What it is made of. */
  get source(): DriveSource {
    return this.#source;
  }

  /** Numbers of the pieces of so many bytes in which the guest has written anything; ascending. */
  async writtenClusters(bytes: number): Promise<Float64Array> {
    await this.flush();
    if (this.#layer) return this.#layer.clusters(bytes);
    const [numbers] = this.#written.save();
    return Float64Array.from(new Set(numbers.map((number) => Math.floor((number * SECTOR) / bytes))));
  }

  /** Resolves when all that was written before it is safe, as far as it lasts at all. */
  async flush(): Promise<void> {
    await this.#queue?.flush();
  }

  /** Reads what a snapshot is to hold, for `get_state`; nothing may be written meanwhile. @throws {DriveError} */
  async prepareSave(): Promise<void> {
    await this.flush();
    this.#toSave = await this.#layer?.save(MOST_SAVED);
  }

  /** Forgets what `prepareSave` has read. */
  saved(): void {
    this.#toSave = undefined;
  }

  /**
   * Takes the state that v86 has given it, for good; to be called when the rest of the machine has taken its own. Until
   * then nothing is read, and what is kept is as before.
   * @throws what keeps the state from being kept; what was kept is as before then.
   */
  async restored(): Promise<void> {
    const waiting = this.#toRestore;
    if (!waiting || !this.#layer) return;
    this.#toRestore = undefined;
    waiting.done(this.#layer.replace(waiting.writes));
    await this.#restoring;
  }

  /**
   * Keeps what is under way, for the last time, and gives the layer's place free in any case.
   * @throws {DriveError} when something of it is lost; `onLoss` is told as well.
   */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#layer) return;
    this.onTrouble = () => undefined; // nobody waits for a read any more
    try {
      await this.#queue?.close();
    } catch (error) {
      const loss = this.#asTrouble(error, "kept");
      this.onLoss?.(loss);
      throw loss;
    } finally {
      await this.#layer.close();
    }
  }

  /**
   * The content as it is now, from `start` on.
   * @throws {DriveError}
   */
  async content(start: number, length: number): Promise<Uint8Array> {
    for (;;) {
      const data = this.#read(start, length);
      if (data instanceof Uint8Array) return data;
      await Promise.all(data);
    }
  }

  /**
   * Reads the beginning, which the emulator wants before there is a machine that could be held.
   * @throws {DriveError}
   */
  async open(): Promise<this> {
    if (this.byteLength > 0) await this.#piece(0);
    return this;
  }

  load(): void {
    this.onload?.({});
  }

  get(start: number, length: number, done: (data: Uint8Array) => void): void {
    const data = this.#read(start, length);
    if (data instanceof Uint8Array) {
      done(data);
      return;
    }
    Promise.all(data).then(
      () => this.get(start, length, done),
      (error: unknown) => this.#failed(error, () => this.get(start, length, done)),
    );
  }

  get_and_cache(start: number, length: number, done: (data: Uint8Array) => void): void {
    this.get(start, length, done);
  }

  get_from_cache(start: number, length: number): Uint8Array | undefined {
    const data = this.#read(start, length);
    if (data instanceof Uint8Array) return data;
    for (const piece of data) piece.catch(() => undefined); // told to who waits for it
    return undefined;
  }

  set(start: number, data: Uint8Array, done: () => void): void {
    if (!this.#queue) {
      this.#written.write(start, data);
      done();
      return;
    }
    this.#overwrite(start, data);
    if (!this.writeThrough) {
      this.#queue.write(start, data, done);
      return;
    }
    this.#queue.write(start, data, () => undefined);
    this.#queue.flush().then(done);
  }

  /** Brings what is held of the source to what was written. */
  #overwrite(start: number, data: Uint8Array): void {
    for (let number = Math.floor(start / PIECE); number * PIECE < start + data.length; number++) {
      const piece = this.#pieces.get(number);
      if (!(piece instanceof Uint8Array)) continue; // one under way sees it when it arrives
      const from = Math.max(start, number * PIECE);
      const to = Math.min(start + data.length, number * PIECE + piece.length);
      piece.set(data.subarray(from - start, to - start), from - number * PIECE);
    }
  }

  /** v86 asks for the whole only of what boots without a drive. */
  get_buffer(done: (whole?: ArrayBuffer) => void): void {
    done();
  }

  get_state(): unknown[] {
    let written = this.#written;
    if (this.#layer) {
      if (!this.#toSave) throw new DriveError(`${this.name} was not made ready for a snapshot`, "unreadable");
      written = new WrittenSectors();
      for (const { start, data } of this.#toSave) written.write(start, data);
    }
    return [FORMAT, this.#source.identity, this.#source.name, this.byteLength, ...written.save()];
  }

  /** @throws {DriveError} when the state is of another drive; nothing has changed then. */
  set_state(state: unknown[]): void {
    const [sizeThen, whole] = state;
    if (sizeThen === this.byteLength && whole instanceof Uint8Array) {
      // From before there was this format: v86's own, which holds the whole image.
      this.#restore([{ start: 0, data: wholeSectors(whole) }]);
      return;
    }
    const saved = savedDrive(state);
    const [numbers, bytes] = state.slice(4);
    if (!saved || !(numbers instanceof Float64Array) || !(bytes instanceof Uint8Array)) {
      throw new DriveError("the saved machine has another kind of drive", "changed");
    }
    if (!this.isOf(saved)) {
      throw new DriveError(
        `the saved machine's drive is ${saved.name}, of ${saved.size} bytes, as it was then; ${this.#source.name} is another one or has changed since`,
        "changed",
      );
    }
    if (bytes.length !== numbers.length * SECTOR) {
      throw new DriveError("what the saved machine had written to its drive is damaged", "changed");
    }
    const writes = Array.from(numbers, (number, index) => ({
      start: number * SECTOR,
      data: bytes.subarray(index * SECTOR, (index + 1) * SECTOR),
    }));
    this.#restore(runsOf(writes));
  }

  #restore(writes: readonly SectorWrite[]): void {
    if (!this.#layer) {
      this.#written.clear();
      for (const { start, data } of writes) this.#written.write(start, data);
      return;
    }
    this.#pieces.clear();
    this.#restoring = new Promise((done) => {
      this.#toRestore = { writes, done };
    });
    this.#restoring.catch(() => undefined); // told to who waits for it
  }

  /** What was written over what the source has; or the pieces that have to be waited for. */
  #read(start: number, length: number): Uint8Array | Promise<Uint8Array>[] {
    const data = new Uint8Array(length);
    const missing = this.#written.covers(start, length) ? [] : this.#copyPieces(start, data);
    if (missing.length > 0) return missing;
    this.#written.overlay(start, data);
    return data;
  }

  /** Copies what is here of the source to `data`. @returns what has to be waited for. */
  #copyPieces(start: number, data: Uint8Array): Promise<Uint8Array>[] {
    const missing: Promise<Uint8Array>[] = [];
    // A last sector may stand out over the end of the image: what is not there reads as zeros.
    const end = Math.min(start + data.length, this.byteLength);
    for (let number = Math.floor(start / PIECE); number * PIECE < end; number++) {
      const piece = this.#piece(number);
      if (!(piece instanceof Uint8Array)) {
        missing.push(piece);
        continue;
      }
      const from = Math.max(start, number * PIECE);
      const to = Math.min(end, number * PIECE + piece.length);
      data.set(piece.subarray(from - number * PIECE, to - number * PIECE), from - start);
    }
    return missing;
  }

  #piece(number: number): Promise<Uint8Array> | Uint8Array {
    const known = this.#pieces.get(number);
    if (known) {
      this.#pieces.delete(number);
      this.#pieces.set(number, known);
      return known;
    }
    const start = number * PIECE;
    const reading = this.#load(start, Math.min(PIECE, this.byteLength - start)).then(
      (piece) => {
        this.#pieces.set(number, piece);
        for (const [oldest, held] of this.#pieces) {
          if (this.#pieces.size <= MOST_PIECES) break;
          if (held instanceof Uint8Array) this.#pieces.delete(oldest);
        }
        return piece;
      },
      (error: unknown) => {
        this.#pieces.delete(number);
        throw error;
      },
    );
    this.#pieces.set(number, reading);
    return reading;
  }

  /** A piece of the source, and where there is a layer, with what was written over it. */
  async #load(start: number, length: number): Promise<Uint8Array> {
    const piece = await this.#source.read(start, length);
    if (!this.#layer) return piece;
    await this.#restoring;
    // The layer works in its order: what is written while it answers is under way when the answer is there.
    const sectors = Math.ceil(length / SECTOR) * SECTOR;
    const whole = new Uint8Array(sectors);
    whole.set(piece);
    const current = await this.#layer.overlay(start, whole);
    this.#queue?.overlay(start, current);
    return current;
  }

  #failed(error: unknown, retry: () => void, what: "read" | "kept" = "read"): void {
    const trouble = this.#asTrouble(error, what);
    if (this.onTrouble) this.onTrouble(trouble, retry);
    else console.error(trouble);
  }

  #asTrouble(error: unknown, what: "read" | "kept"): DriveError {
    return error instanceof DriveError ? error : this.#inWords(error as Error, what);
  }

  #inWords(error: Error, what: "read" | "kept"): DriveError {
    const why =
      what === "read"
        ? `${this.name} could not be read: ${error.message}`
        : error.name === "QuotaExceededError"
          ? `there is no room left in this browser for what the guest writes to ${this.name}: make some, e.g. by deleting snapshots`
          : `what the guest writes to ${this.name} could not be kept: ${error.message}`;
    return new DriveError(why, "unreadable", { cause: error });
  }
}

/** Sectors that lie side by side, as one write each; at most a megabyte. */
function runsOf(writes: readonly SectorWrite[]): SectorWrite[] {
  const runs: { start: number; parts: Uint8Array[]; length: number }[] = [];
  for (const { start, data } of writes) {
    const last = runs.at(-1);
    if (last && last.start + last.length === start && last.length < 2 ** 20) {
      last.parts.push(data);
      last.length += data.length;
    } else runs.push({ start, parts: [data], length: data.length });
  }
  return runs.map(({ start, parts, length }) => {
    const data = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      data.set(part, at);
      at += part.length;
    }
    return { start, data };
  });
}
