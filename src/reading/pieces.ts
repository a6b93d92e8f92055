/**
 * Long lists from thread to thread, in pieces: making a message of another thread one's own is work of the thread that
 * gets it, and the page has frames to draw. Bytes that are part of a larger buffer are copied out of it, since a message
 * would take all of that along.
 */

/** Values of a piece, about: one takes some milliseconds to make one's own. */
const PIECE = 6000;
/** Bytes that are as much work as one value. */
const BYTES = 256;

type Holder = Record<string, unknown>;

/** The list as pieces of about the same size, each to be posted by itself. */
export function* pieces(list: readonly unknown[]): Generator<unknown[]> {
  let piece: unknown[] = [];
  let seen = new Set<unknown>();
  let weight = 0;
  for (const item of list) {
    piece.push(item);
    weight += weigh(item, seen);
    if (weight < PIECE) continue;
    yield piece;
    [piece, seen, weight] = [[], new Set(), 0];
  }
  if (piece.length) yield piece;
}

/** How many values there are in `value`; what the piece has already counts as one. Its bytes become its own. */
function weigh(value: unknown, seen: Set<unknown>): number {
  if (typeof value !== "object" || value === null || seen.has(value)) return 1;
  seen.add(value);
  if (value instanceof Uint8Array) return 1 + value.length / BYTES;
  let weight = 1;
  for (const [key, inner] of Object.entries(value)) {
    if (isPart(inner)) (value as Holder)[key] = inner.slice();
    weight += weigh((value as Holder)[key], seen);
  }
  return weight;
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
