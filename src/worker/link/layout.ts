/**
 * The memory that page and device worker share beside the device's own state (for the FIFO interface: `device/tis/layout.ts`): a few control words
 * and a ring of operations.
 *
 * | words   | written by | what                                                                    |
 * | ------- | ---------- | ----------------------------------------------------------------------- |
 * | 0-15    | page       | POSTED, and a word for the page's fences                                |
 * | 16-31   | worker     | DONE, SEQUENCE, HEARTBEAT, and a word for the worker's fences           |
 * | 32-47   | both       | ASLEEP, BELL                                                            |
 * | 48-     | page       | ring: `RING_SIZE` operations of two words, the n-th at n mod RING_SIZE  |
 *
 * The device's state is the worker's alone to change. It changes while operations are carried out, that is while DONE
 * is behind POSTED, and for reasons of the worker's own (an answer, a failure), while SEQUENCE is odd. Whoever reads it
 * on the page therefore waits for DONE = POSTED, and reads again when SEQUENCE was odd or has moved.
 */
import { TIS } from "../../device/tis/front-end.ts";

/** Indices of the control words, each group in a cache line of its own. All are read and written with Atomics. */
export const LINK = {
  /** Operations posted so far, modulo 2^32. */
  POSTED: 0,
  PAGE_FENCE: 1,
  /** Operations carried out so far, modulo 2^32. */
  DONE: 16,
  /** Odd while the device's state changes for a reason of the worker's own. */
  SEQUENCE: 17,
  WORKER_FENCE: 18,
  /** Counts up as long as the worker's event loop turns. */
  HEARTBEAT: 19,
  /** Not `AWAKE` while the worker waits for `BELL`: which operations have to wake it. */
  ASLEEP: 32,
  /** What the worker waits on; counts the calls. */
  BELL: 33,
} as const;

/** Values of `ASLEEP`. */
export const SLEEP = {
  AWAKE: 0,
  /** To be woken when there is something for the worker to do: a command, a cancel, an interrupt, a reset. */
  DEEP: 1,
  /** To be woken by each move of the command interface as well: somebody waits for the guest's next one. */
  LIGHT: 2,
} as const;

const CONTROL_WORDS = 48;
/** Operations that fit the ring; a power of two. A whole command of 4096 bytes does. */
export const RING_SIZE = 8192;
/** An operation is two words: kind, width and offset; value. */
const OPERATION_WORDS = 2;

/** Kinds of operations. */
export const OPERATION = {
  /** A write of the guest's. */
  WRITE: 0,
  /** A read with side effects; its value was answered from shared memory. */
  READ: 1,
  /** So many response bytes were read from the FIFO of the locality at this offset; the count is the value. */
  CONSUME: 2,
  /** The machine was reset; the value numbers the reset. */
  RESET: 3,
} as const;

/** To be made by the page and given to the worker; can be posted. */
export interface LinkMemory {
  /** The device's state. */
  readonly state: SharedArrayBuffer;
  /** Control words and ring. */
  readonly link: SharedArrayBuffer;
}

/** @param stateBytes what the front end's state takes. */
export function createLinkMemory(stateBytes = TIS.stateBytes): LinkMemory {
  const words = CONTROL_WORDS + RING_SIZE * OPERATION_WORDS;
  return {
    state: new SharedArrayBuffer(stateBytes),
    link: new SharedArrayBuffer(words * Int32Array.BYTES_PER_ELEMENT),
  };
}

export interface LinkWords {
  readonly control: Int32Array;
  readonly ring: Int32Array;
}

export function mapLink(memory: LinkMemory): LinkWords {
  return {
    control: new Int32Array(memory.link, 0, CONTROL_WORDS),
    ring: new Int32Array(memory.link, CONTROL_WORDS * Int32Array.BYTES_PER_ELEMENT),
  };
}

/**
 * No access before it is seen by others after it, nor the other way round, plain ones included: a store and a load of
 * the same word, both sequentially consistent. @param word one that no other thread writes.
 */
export function fence(control: Int32Array, word: typeof LINK.PAGE_FENCE | typeof LINK.WORKER_FENCE): void {
  Atomics.store(control, word, 0);
  Atomics.load(control, word);
}

const SIZE_SHIFT = 16;
const KIND_SHIFT = 20;
/** Largest offset that an operation can carry, plus one. */
export const OFFSET_LIMIT = 1 << SIZE_SHIFT;

/** First word of an operation. @param offset in the device's window, below `OFFSET_LIMIT` */
export function packOperation(kind: number, size: number, offset: number): number {
  return (kind << KIND_SHIFT) | (size << SIZE_SHIFT) | offset;
}

export const operationKind = (word: number): number => word >>> KIND_SHIFT;
export const operationSize = (word: number): number => (word >>> SIZE_SHIFT) & 0xf;
export const operationOffset = (word: number): number => word & (OFFSET_LIMIT - 1);
/** Index into the ring of the n-th operation. */
export const ringIndex = (count: number): number => (count & (RING_SIZE - 1)) * OPERATION_WORDS;

/** How far `to` is ahead of `from`; both count modulo 2^32. */
export const distance = (from: number, to: number): number => (to - from) | 0;
