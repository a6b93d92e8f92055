/**
 * Where the device's state lies in memory: 32-bit words, the data buffer, then the packet that goes through it in chunks.
 * One thread writes (the device); any other may read the same memory through `CrbView`.
 */
import { CRB_DATA_BYTES, CRB_PACKET_BYTES, LOCALITIES, type TpmVersion } from "./ports.ts";

/** Stands for "no locality" wherever a locality's number is kept. */
export const NONE = -1;

/** Values of `WORD.VERSION`; the order gives the numbers. Unspecified is the failure mode; only a TPM 2.0 has this interface. */
export const VERSIONS = ["unspecified", "2.0"] as const satisfies readonly TpmVersion[];
export const UNSPECIFIED = 0;

/** Indices of the words that there are once. */
export const WORD = {
  VERSION: 0,
  /** The largest command or response. */
  BUFFER_SIZE: 1,
  /** Localities that there are: 5, or locality 0 alone. */
  LOCALITIES: 2,
  /** 1 where commands and responses may go through the data buffer in chunks. */
  CHUNKS: 3,
  /** 1 after a dynamic root of trust was measured. */
  ESTABLISHED: 4,
  /** The locality that has asked for the establishment flag's reset and has not been told of it. */
  CLEARING: 5,
  /** 1 while the interrupt line is raised. */
  IRQ_LEVEL: 6,
  /** 1 once TPM_CRB_INTF_ID.IntfSelLock was written. */
  INTERFACE_LOCKED: 7,
  /** The locality that has the TPM. */
  ACTIVE: 8,
  /** 1 while the active locality has given the TPM up and a command still runs. */
  LEAVING: 9,
  /** The locality that gets the TPM by a seize when the running command has been answered. */
  SEIZING: 10,
  /** The locality whose command, or response, the data buffer holds. */
  USER: 11,
  /** State of the command interface. */
  STATE: 12,
  /** TPM_CRB_CTRL_CANCEL. */
  CANCEL: 13,
  /** Bytes of the command gathered from chunks, or of the response. */
  PACKET_LENGTH: 14,
  /** Bytes of the response given out in chunks. */
  OFFSET: 15,
} as const;

/** Index of the first word of locality 0; the next locality's words follow after `LOCALITY_WORDS`. */
const LOCALITY_BASE = 16;
export const LOCALITY_WORDS = 3;
/** Indices of words within a locality. Its standing has the bits of `STANDING`. */
export const STANDING_BITS = LOCALITY_BASE;
export const INT_ENABLE_BITS = LOCALITY_BASE + 1;
export const INT_STATUS_BITS = LOCALITY_BASE + 2;

/** How a locality stands with the TPM. */
export const STANDING = {
  /** It has asked, and has not got it yet. */
  REQUESTED: 1,
  BEEN_SEIZED: 2,
} as const;

export const CRB_WORDS = LOCALITY_BASE + LOCALITIES * LOCALITY_WORDS;
/** Byte offsets of the data buffer and of the packet. */
const DATA_OFFSET = CRB_WORDS * Int32Array.BYTES_PER_ELEMENT;
const PACKET_OFFSET = DATA_OFFSET + CRB_DATA_BYTES;
/** Bytes that the device's state takes. */
export const CRB_STATE_BYTES = PACKET_OFFSET + CRB_PACKET_BYTES;

/** The parts of the state, as views of one memory. */
export interface CrbMemory {
  readonly words: Int32Array;
  /** The data buffer. */
  readonly data: Uint8Array;
  /** Used with chunks alone: the command as far as it has come, then the whole response. */
  readonly packet: Uint8Array;
}

/** @throws {RangeError} when `memory` is too small. */
export function mapMemory(memory: ArrayBufferLike): CrbMemory {
  if (memory.byteLength < CRB_STATE_BYTES) {
    throw new RangeError(`the device's state takes ${CRB_STATE_BYTES} bytes, got ${memory.byteLength}`);
  }
  return {
    words: new Int32Array(memory, 0, CRB_WORDS),
    data: new Uint8Array(memory, DATA_OFFSET, CRB_DATA_BYTES),
    packet: new Uint8Array(memory, PACKET_OFFSET, CRB_PACKET_BYTES),
  };
}
