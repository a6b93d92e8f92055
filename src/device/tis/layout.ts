/**
 * Where the device's state lies in memory: 32-bit words, then the FIFO. One thread writes (the device); any other
 * may read the same memory through `TisView`.
 */
import { LOCALITIES, TIS_BUFFER_SIZE, type TpmVersion } from "./ports.ts";

/** Stands for "no locality" wherever a locality's number is kept. */
export const NONE = -1;

/** Values of `WORD.VERSION`; the order gives the numbers. Unspecified is the failure mode. */
export const VERSIONS = ["unspecified", "1.2", "2.0"] as const satisfies readonly TpmVersion[];
export const UNSPECIFIED = 0;
export const TPM_12 = 1;
export const TPM_20 = 2;

/** Values of `WORD.OWED`: which command's answer the TPM still owes. */
export const OWED_NOTHING = 0;
/** The answer to the command of the locality in state execution. */
export const OWED_ANSWER = 1;
/** An answer that nobody wants any more; a locality in state execution has a command that waits for its turn. */
export const OWED_ABANDONED = 2;

/** Indices of the words that there are once. */
export const WORD = {
  VERSION: 0,
  BUFFER_SIZE: 1,
  /** 1 after a dynamic root of trust was measured. */
  ESTABLISHED: 2,
  IRQ_NUMBER: 3,
  /** 1 while the interrupt line is raised. */
  IRQ_LEVEL: 4,
  /** 1 once TPM_INTERFACE_ID.IntfSelLock was written. */
  INTERFACE_LOCKED: 5,
  SELF_TEST_DONE: 6,
  /** The active locality. */
  ACTIVE: 7,
  /** The locality that loses the TPM when the running command has been answered ... */
  ABORTING: 8,
  /** ... and the one that gets it then: the same one where commandReady aborts the command. */
  NEXT: 9,
  /** Command bytes received, or response bytes read. */
  OFFSET: 10,
  /** Bytes of the response in the FIFO, or of the command from tpmGo on. */
  PACKET_LENGTH: 11,
  OWED: 12,
} as const;

/** Index of the first word of locality 0; the next locality's words follow after `LOCALITY_WORDS`. */
const LOCALITY_BASE = 13;
export const LOCALITY_WORDS = 5;
/** Indices of words within a locality. */
export const STATE = LOCALITY_BASE;
/** TPM_ACCESS: the bits activeLocality, beenSeized, Seize and requestUse. */
export const ACCESS_BITS = LOCALITY_BASE + 1;
/** TPM_STS: the bits that differ from locality to locality. */
export const STS_BITS = LOCALITY_BASE + 2;
export const INT_ENABLE_BITS = LOCALITY_BASE + 3;
export const INT_STATUS_BITS = LOCALITY_BASE + 4;

export const TIS_WORDS = LOCALITY_BASE + LOCALITIES * LOCALITY_WORDS;
/** Byte offset of the FIFO. */
const FIFO_OFFSET = TIS_WORDS * Int32Array.BYTES_PER_ELEMENT;
/** Bytes that the device's state takes. */
export const TIS_STATE_BYTES = FIFO_OFFSET + TIS_BUFFER_SIZE;

/** The two parts of the state, as views of one memory. */
export interface TisMemory {
  readonly words: Int32Array;
  readonly fifo: Uint8Array;
}

/** @throws {RangeError} when `memory` is too small. */
export function mapMemory(memory: ArrayBufferLike): TisMemory {
  if (memory.byteLength < TIS_STATE_BYTES) {
    throw new RangeError(`the device's state takes ${TIS_STATE_BYTES} bytes, got ${memory.byteLength}`);
  }
  return {
    words: new Int32Array(memory, 0, TIS_WORDS),
    fifo: new Uint8Array(memory, FIFO_OFFSET, TIS_BUFFER_SIZE),
  };
}
