/**
 * A bounds-checked cursor over bytes. TPM packets and swtpm's control protocol are big-endian; ACPI and the
 * TCG event log are little-endian, hence both families of accessors.
 */
import { viewOf } from "./view.ts";

/** Thrown when a read runs past the end of the input. */
export class ShortInputError extends RangeError {
  constructor(
    /** Byte offset at which the read began. */
    readonly offset: number,
    /** Bytes the read needed. */
    readonly wanted: number,
    /** Bytes that were left. */
    readonly left: number,
  ) {
    super(`need ${wanted} byte(s) at offset ${offset}, ${left} left`);
    this.name = "ShortInputError";
  }
}

export class ByteReader {
  readonly #view: DataView;
  #offset = 0;

  constructor(readonly bytes: Uint8Array) {
    this.#view = viewOf(bytes);
  }

  /** Offset of the next unread byte. */
  get offset(): number {
    return this.#offset;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.bytes.length - this.#offset;
  }

  /** Takes `count` bytes as a view of the input (not a copy). */
  take(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.bytes.subarray(start, start + count);
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }
  u16be(): number {
    return this.#view.getUint16(this.#advance(2), false);
  }
  u32be(): number {
    return this.#view.getUint32(this.#advance(4), false);
  }
  u64be(): bigint {
    return this.#view.getBigUint64(this.#advance(8), false);
  }
  u16le(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }
  u32le(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }
  u64le(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  #advance(count: number): number {
    if (count < 0 || count > this.left) throw new ShortInputError(this.#offset, count, this.left);
    const start = this.#offset;
    this.#offset += count;
    return start;
  }
}
