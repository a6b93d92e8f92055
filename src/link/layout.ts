/**
 * The memory that page and device worker share beside the device's own state (`tis/layout.ts`): a few control words
 * and a ring of operations. The page alone writes the ring and `POSTED`; the worker alone writes everything else but
 * `BELL`, and alone changes the device's state.
 */
import { TIS_STATE_BYTES } from "../tis/layout.ts";

/** Indices of the control words. All are read and written with Atomics. */
export const LINK = {
  /** Operations posted so far, modulo 2^32. */
  POSTED: 0,
  /** Operations carried out so far. */
  DONE: 1,
  /** Odd while the device's state changes for a reason of the worker's own: an answer, a failure. */
  SEQUENCE: 2,
  /** 1 while the worker waits for `BELL`, and has to be woken. */
  ASLEEP: 3,
  /** What the worker waits on; counts the page's calls. */
  BELL: 4,
  /** Counts up as long as the worker's event loop turns. */
  HEARTBEAT: 5,
} as const;

const CONTROL_WORDS = 16;
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
  /** The machine was reset. */
  RESET: 3,
} as const;

export interface LinkMemory {
  /** The device's state. */
  readonly state: SharedArrayBuffer;
  /** Control words and ring. */
  readonly link: SharedArrayBuffer;
}

export function createLinkMemory(): LinkMemory {
  const words = CONTROL_WORDS + RING_SIZE * OPERATION_WORDS;
  return {
    state: new SharedArrayBuffer(TIS_STATE_BYTES),
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

const SIZE_SHIFT = 16;
const KIND_SHIFT = 20;

/** First word of an operation. @param offset in the TIS window, below 2^16 */
export function packOperation(kind: number, size: number, offset: number): number {
  return (kind << KIND_SHIFT) | (size << SIZE_SHIFT) | offset;
}

export const operationKind = (word: number): number => word >>> KIND_SHIFT;
export const operationSize = (word: number): number => (word >>> SIZE_SHIFT) & 0xf;
export const operationOffset = (word: number): number => word & 0xffff;
/** Index into the ring of the n-th operation. */
export const ringIndex = (count: number): number => (count & (RING_SIZE - 1)) * OPERATION_WORDS;
