/**
 * A disk or CD as v86 takes one: read by pieces from its source, written to a layer of its own. v86's own readers of files
 * and addresses know no failure: a piece that cannot be read is waited for without end. Here the one who has the machine is
 * told, and the guest's read goes on when the piece can be had again.
 */
import { DriveError, type DriveSource } from "./source.ts";
import { SECTOR, WrittenSectors } from "./written.ts";

/** Bytes that are read from the source at once; a guest reads files from their beginning to their end. */
const PIECE = 128 * 1024;
/** Pieces that are kept, the least used go: 16 MiB. */
const MOST_PIECES = 128;
/** Says what a saved state is of. */
const FORMAT = "webtpm drive 1";

/** Told of a read that failed. @param retry reads again; nothing is lost meanwhile */
export type OnDriveTrouble = (error: DriveError, retry: () => void) => void;

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
  readonly #source: DriveSource;
  readonly #written = new WrittenSectors();
  /** By number, the one used last at the end. */
  readonly #pieces = new Map<number, Promise<Uint8Array> | Uint8Array>();

  constructor(source: DriveSource) {
    this.#source = source;
    this.byteLength = source.size;
  }

  get name(): string {
    return this.#source.name;
  }

  /** Bytes that the guest has written and that are nowhere else. */
  get writtenBytes(): number {
    return this.#written.sectors * SECTOR;
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
    this.#written.write(start, data);
    done();
  }

  /** v86 asks for the whole only of what boots without a drive. */
  get_buffer(done: (whole?: ArrayBuffer) => void): void {
    done();
  }

  get_state(): unknown[] {
    return [FORMAT, this.#source.identity, this.#source.name, this.byteLength, ...this.#written.save()];
  }

  /** @throws {DriveError} when the state is of another drive; nothing has changed then. */
  set_state(state: unknown[]): void {
    const [sizeThen, whole] = state;
    if (sizeThen === this.byteLength && whole instanceof Uint8Array) {
      // From before there was this format: v86's own, which holds the whole image.
      this.#written.write(0, whole);
      return;
    }
    const [format, identity, name, size, numbers, bytes] = state;
    if (format !== FORMAT || !(numbers instanceof Float64Array) || !(bytes instanceof Uint8Array)) {
      throw new DriveError("the saved machine has another kind of drive", "changed");
    }
    if (size !== this.byteLength || identity !== this.#source.identity) {
      throw new DriveError(
        `the saved machine's drive is ${name}, of ${size} bytes, as it was then; ${this.#source.name} is another one or has changed since`,
        "changed",
      );
    }
    if (bytes.length !== numbers.length * SECTOR) {
      throw new DriveError("what the saved machine had written to its drive is damaged", "changed");
    }
    this.#written.load(numbers, bytes);
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
    const reading = this.#source.read(start, Math.min(PIECE, this.byteLength - start)).then(
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

  #failed(error: unknown, retry: () => void): void {
    const trouble =
      error instanceof DriveError
        ? error
        : new DriveError(`${this.name} could not be read: ${(error as Error).message}`, "unreadable", {
            cause: error,
          });
    if (this.onTrouble) this.onTrouble(trouble, retry);
    else console.error(trouble);
  }
}
