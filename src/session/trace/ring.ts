/**
 * The last accesses, in typed arrays: 16 bytes each, so that a million of them are kept at no cost in garbage. An
 * access is named by its sequence number for as long as the ring has it.
 */
import { hexNumber } from "../../protocol/bytes/hex.ts";
import { viewOf } from "../../protocol/bytes/view.ts";
import { type Access, MARKS, RESET_WORD, unpackAccess } from "./access.ts";

/** Accesses that a ring keeps if nothing else is said. */
export const RING_CAPACITY = 1_000_000;

/** "WTA" and the version of the form, as a little-endian word. */
const MAGIC = 0x0141_5457;
const HEADER_BYTES = 16;
const ENTRY_BYTES = 16;

/** Bytes that are no recorded trace. */
export class TraceFormatError extends Error {
  override name = "TraceFormatError";
}

/** An access as JSON has it; numbers of the interface in hex, the time in milliseconds. */
export interface JsonAccess {
  time: number;
  by: string;
  access: "read" | "write" | "reset";
  locality?: number;
  register?: string;
  offset?: string;
  size?: number;
  value?: string;
}

export class TraceRing {
  readonly capacity: number;
  readonly #times: Float64Array;
  readonly #words: Uint32Array;
  readonly #values: Uint32Array;
  /** Where the next one goes. */
  #at = 0;
  #end = 0;
  #start = 0;

  constructor(capacity = RING_CAPACITY) {
    this.capacity = capacity;
    this.#times = new Float64Array(capacity);
    this.#words = new Uint32Array(capacity);
    this.#values = new Uint32Array(capacity);
  }

  /** Sequence number of the oldest access that is kept. */
  get start(): number {
    return this.#start;
  }

  /** Sequence number that the next access will have. */
  get end(): number {
    return this.#end;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** @param word as `packAccess` makes it. @returns the sequence number. */
  push(time: number, word: number, value: number): number {
    const at = this.#at;
    this.#times[at] = time;
    this.#words[at] = word;
    this.#values[at] = value;
    this.#at = at + 1 === this.capacity ? 0 : at + 1;
    const sequence = this.#end++;
    if (this.#end - this.#start > this.capacity) this.#start++;
    return sequence;
  }

  /** The machine was reset. */
  mark(time: number): number {
    return this.push(time, RESET_WORD, MARKS.RESET);
  }

  /** `performance.now()` milliseconds, a slice of guest code's length off at most. For numbers from `start` up to `end`, also the next ones. */
  time(sequence: number): number {
    return this.#times[sequence % this.capacity]!;
  }
  word(sequence: number): number {
    return this.#words[sequence % this.capacity]!;
  }
  value(sequence: number): number {
    return this.#values[sequence % this.capacity]!;
  }

  /** Undefined when the ring has it no more, or not yet. */
  access(sequence: number): Access | undefined {
    if (sequence < this.#start || sequence >= this.#end) return undefined;
    return unpackAccess(sequence, this.time(sequence), this.word(sequence), this.value(sequence));
  }

  /** The first access at or after a time; `end` when there is none. */
  at(time: number): number {
    let [low, high] = [this.#start, this.#end];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (this.time(middle) < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Forgets all accesses; sequence numbers go on. */
  clear(): void {
    this.#start = this.#end;
  }

  /**
   * All accesses, or those from one to before another, for a file: a header of 16 bytes, then per access its time
   * (64-bit float), word and value, all little-endian. Sequence numbers begin at 0 in the copy.
   */
  toBytes(from = this.#start, to = this.#end): Uint8Array {
    const count = Math.max(0, to - from);
    const bytes = new Uint8Array(HEADER_BYTES + count * ENTRY_BYTES);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC, true);
    view.setUint32(4, count, true);
    for (let i = 0, at = HEADER_BYTES; i < count; i++, at += ENTRY_BYTES) {
      view.setFloat64(at, this.time(from + i), true);
      view.setUint32(at + 8, this.word(from + i), true);
      view.setUint32(at + 12, this.value(from + i), true);
    }
    return bytes;
  }

  /** What `toBytes` made. @throws {TraceFormatError} */
  static fromBytes(bytes: Uint8Array): TraceRing {
    const view = viewOf(bytes);
    const count = bytes.length >= HEADER_BYTES ? view.getUint32(4, true) : -1;
    if (count < 0 || view.getUint32(0, true) !== MAGIC)
      throw new TraceFormatError("these bytes are no trace of accesses (or one of another version)");
    if (bytes.length !== HEADER_BYTES + count * ENTRY_BYTES)
      throw new TraceFormatError(
        `a trace of ${count} accesses has another length than ${bytes.length} bytes`,
      );
    const ring = new TraceRing(Math.max(1, count));
    for (let i = 0, at = HEADER_BYTES; i < count; i++, at += ENTRY_BYTES) {
      ring.push(view.getFloat64(at, true), view.getUint32(at + 8, true), view.getUint32(at + 12, true));
    }
    return ring;
  }

  /** The same for people and scripts. */
  toJSON(from = this.#start, to = this.#end): JsonAccess[] {
    return Array.from({ length: Math.max(0, to - from) }, (_, i) => {
      const { time, origin, locality, register, offset, size, write, value, reset } = this.access(from + i)!;
      if (reset) return { time, by: "machine", access: "reset" };
      return {
        time,
        by: origin,
        access: write ? "write" : "read",
        locality,
        ...(register && { register }),
        offset: hexNumber(offset, 3),
        size,
        value: hexNumber(value, size * 2),
      };
    });
  }
}
