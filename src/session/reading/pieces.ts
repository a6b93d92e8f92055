/**
 * Long lists from thread to thread, in pieces: making a message of another thread one's own is work of the thread that
 * gets it, and the page has frames to draw. All bytes of a piece lie in one buffer: a buffer is what costs most to make,
 * and bytes that are part of a larger one would take all of that along.
 */

/** Values of a piece, about: one takes some milliseconds to make one's own. */
const PIECE = 6000;
/** Bytes that are as much work as one value. */
const BYTES = 256;

type Holder = Record<string, unknown>;

/** The list as pieces of about the same size, each to be posted by itself; what they hold belongs to them from then on. */
export function* pieces(list: readonly unknown[]): Generator<unknown[]> {
  let piece = new Piece();
  for (const item of list) {
    piece.add(item);
    if (piece.weight < PIECE) continue;
    yield piece.packed();
    piece = new Piece();
  }
  if (piece.items.length) yield piece.packed();
}

class Piece {
  readonly items: unknown[] = [];
  weight = 0;
  /** What was met, to be counted once; bytes with those who hold them. */
  readonly #seen = new Set<object>();
  readonly #held = new Map<Uint8Array, [Holder, string][]>();
  #bytes = 0;

  add(item: unknown): void {
    this.items.push(item);
    this.#weigh(this.items as unknown as Holder, String(this.items.length - 1));
  }

  #weigh(holder: Holder, key: string): void {
    this.weight++;
    const value = holder[key];
    if (typeof value !== "object" || value === null) return;
    if (value instanceof Uint8Array) {
      this.#hold(value, holder, key);
      return;
    }
    if (this.#seen.has(value)) return;
    this.#seen.add(value);
    for (const inner of Object.keys(value)) this.#weigh(value as Holder, inner);
  }

  #hold(bytes: Uint8Array, holder: Holder, key: string): void {
    const holders = this.#held.get(bytes);
    if (holders) {
      holders.push([holder, key]);
      return;
    }
    this.#held.set(bytes, [[holder, key]]);
    this.#bytes += bytes.length;
    this.weight += bytes.length / BYTES;
  }

  /** The items, with all their bytes in one buffer. */
  packed(): unknown[] {
    const buffer = new Uint8Array(this.#bytes);
    let at = 0;
    for (const [bytes, holders] of this.#held) {
      buffer.set(bytes, at);
      const own = buffer.subarray(at, at + bytes.length);
      at += bytes.length;
      for (const [holder, key] of holders) holder[key] = own;
    }
    return this.items;
  }
}

/** The buffers of all bytes within plain data, to be handed over instead of copied; each is of its bytes alone. */
export function buffersIn(value: object): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  const walk = (holder: object) => {
    for (const [key, inner] of Object.entries(holder)) {
      const own = isPart(inner) ? inner.slice() : inner;
      if (own !== inner) (holder as Holder)[key] = own;
      if (ArrayBuffer.isView(own)) buffers.add(own.buffer as ArrayBuffer);
      else if (typeof own === "object" && own !== null) walk(own);
    }
  };
  walk(value);
  return Array.from(buffers);
}

const isPart = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && value.byteLength < value.buffer.byteLength;
