/**
 * What the registers read, computed from the state in memory and changing nothing: the device answers its reads with
 * it, and so does any other thread that shares the memory.
 */
import { alignedSize, lowBytes } from "../frontend/access.ts";
import {
  ACCESS_BITS,
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  mapMemory,
  STATE,
  STS_BITS,
  TPM_12,
  TPM_20,
  UNSPECIFIED,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { type AccessSize, LOCALITIES, TIS_BASE, TIS_SIZE, type TpmVersion } from "./ports.ts";
import {
  ACCESS,
  BURST_COUNT_SHIFT,
  INT_ENABLE,
  INTERFACE_ID,
  REGISTERS,
  STS,
  TPM_FAMILY_SHIFT,
} from "./registers.ts";
import { COMPLETION, STATES, type TisState } from "./states.ts";

/** What nothing answers with. */
const ALL_ONES = -1;
const { offset: OFFSET_ACCESS } = REGISTERS.ACCESS;
const { offset: OFFSET_INT_ENABLE } = REGISTERS.INT_ENABLE;
const { offset: OFFSET_INT_VECTOR } = REGISTERS.INT_VECTOR;
const { offset: OFFSET_INT_STATUS } = REGISTERS.INT_STATUS;
const { offset: OFFSET_STS } = REGISTERS.STS;
const { offset: OFFSET_FIFO } = REGISTERS.DATA_FIFO;
const { offset: OFFSET_XFIFO, span: XFIFO_SPAN } = REGISTERS.XDATA_FIFO;
const { offset: OFFSET_CAPABILITY, reset: CAPABILITY } = REGISTERS.INTF_CAPABILITY;
const { offset: OFFSET_INTERFACE_ID, reset: INTERFACE } = REGISTERS.INTERFACE_ID;
const { offset: OFFSET_DID_VID, reset: DID_VID } = REGISTERS.DID_VID;
const { offset: OFFSET_RID, reset: RID } = REGISTERS.RID;
/** A byte read of burstCount never sees 0 while there is room: larger counts read as this. */
const BYTE_BURST_MAX = 0xff;
const LOCALITY_SHIFT = 12;
const WORD_MASK = 0xffc;

/** Offset of an address in the TIS window; larger than the window when outside. Takes signed addresses too. */
export function windowOffset(address: number): number {
  return (address - TIS_BASE) >>> 0;
}

/** True where a register word within a locality is one of the FIFO's. */
export function isFifo(register: number): boolean {
  return register === OFFSET_FIFO || (register >= OFFSET_XFIFO && register < OFFSET_XFIFO + XFIFO_SPAN);
}

/** A read that cannot change the device's state: everything but the FIFO. */
export function isPureRead(address: number, size: AccessSize): boolean {
  const first = windowOffset(address);
  return !isFifo(first & WORD_MASK) && !isFifo((first + size - 1) & WORD_MASK);
}

export class TisView {
  readonly #words: Int32Array;
  readonly #fifo: Uint8Array;

  /** @param memory at least `TIS_STATE_BYTES` bytes that a `TisDevice` writes. */
  constructor(memory: ArrayBufferLike) {
    const { words, fifo } = mapMemory(memory);
    this.#words = words;
    this.#fifo = fifo;
  }

  /** `unspecified` in failure mode. */
  get version(): TpmVersion {
    return VERSIONS[this.#words[WORD.VERSION]!]!;
  }

  /** The active locality; -1 when there is none. */
  get activeLocality(): number {
    return this.#words[WORD.ACTIVE]!;
  }

  /** Level of the interrupt line. */
  get irqRaised(): boolean {
    return this.#words[WORD.IRQ_LEVEL] !== 0;
  }

  /** Whether anything can raise the interrupt line. */
  get interruptsEnabled(): boolean {
    for (let locality = 0; locality < LOCALITIES; locality++) {
      if (this.#words[INT_ENABLE_BITS + locality * LOCALITY_WORDS]! & INT_ENABLE.GLOBAL) return true;
    }
    return false;
  }

  /** State of a locality's command interface. */
  state(locality: number): TisState {
    return STATES[this.#words[STATE + locality * LOCALITY_WORDS]!]!;
  }

  /** Bytes of the command received so far, or of the response read so far. */
  get fifoOffset(): number {
    return this.#words[WORD.OFFSET]!;
  }

  /** Response bytes that FIFO reads by the active locality would still give; 0 when there is no response. */
  get responseLeft(): number {
    const words = this.#words;
    const active = words[WORD.ACTIVE]!;
    if (active < 0 || words[WORD.VERSION] === UNSPECIFIED) return 0;
    const locality = active * LOCALITY_WORDS;
    if (words[STATE + locality] !== COMPLETION) return 0;
    if ((words[STS_BITS + locality]! & STS.DATA_AVAIL) === 0) return 0;
    return words[WORD.PACKET_LENGTH]! - words[WORD.OFFSET]!;
  }

  /**
   * What a read would give, without its side effects. Any size and alignment is answered; outside the window, and
   * where no register is, all bits are ones.
   * @returns the value, unsigned, in the low `size` bytes.
   */
  peek(address: number, size: AccessSize): number {
    const offset = windowOffset(address);
    if ((offset & (size - 1)) === 0) return this.#peekAligned(offset, size, 0);
    let value = 0;
    let taken = 0;
    for (let done = 0; done < size; ) {
      const at = (offset + done) >>> 0;
      const piece = alignedSize(at, size - done);
      value |= this.#peekAligned(at, piece, taken) << (8 * done);
      if (isFifo(at & WORD_MASK)) taken += piece;
      done += piece;
    }
    return lowBytes(value, size);
  }

  /** @param ahead response bytes that an earlier piece of the same access has taken. */
  #peekAligned(offset: number, size: AccessSize, ahead: number): number {
    if (offset >= TIS_SIZE) return lowBytes(ALL_ONES, size);
    if (this.#words[WORD.VERSION] === UNSPECIFIED) return 0;
    const locality = offset >>> LOCALITY_SHIFT;
    const register = offset & WORD_MASK;
    if (isFifo(register)) return this.#peekFifo(locality, size, ahead);
    const value =
      register === OFFSET_STS ? this.#status(locality, size, ahead) : this.#register(locality, register);
    return lowBytes(value >>> ((offset & 3) << 3), size);
  }

  #register(locality: number, register: number): number {
    const words = this.#words;
    const first = locality * LOCALITY_WORDS;
    const version = words[WORD.VERSION] === TPM_20 ? "2.0" : "1.2";
    switch (register) {
      case OFFSET_ACCESS:
        return this.#access(locality);
      case OFFSET_INT_ENABLE:
        return words[INT_ENABLE_BITS + first]!;
      case OFFSET_INT_VECTOR:
        return words[WORD.IRQ_NUMBER]!;
      case OFFSET_INT_STATUS:
        return words[INT_STATUS_BITS + first]!;
      case OFFSET_CAPABILITY:
        return CAPABILITY[version];
      case OFFSET_INTERFACE_ID:
        return words[WORD.INTERFACE_LOCKED] ? INTERFACE[version] | INTERFACE_ID.LOCK : INTERFACE[version];
      case OFFSET_DID_VID:
        return DID_VID[version];
      case OFFSET_RID:
        return RID[version];
      default:
        return ALL_ONES;
    }
  }

  #access(locality: number): number {
    const words = this.#words;
    // A seize that waits for its turn is not shown.
    let value = ACCESS.VALID | (words[ACCESS_BITS + locality * LOCALITY_WORDS]! & ~ACCESS.SEIZE);
    if (!words[WORD.ESTABLISHED]) value |= ACCESS.ESTABLISHMENT;
    for (let other = 0; other < LOCALITIES; other++) {
      if (other !== locality && words[ACCESS_BITS + other * LOCALITY_WORDS]! & ACCESS.REQUEST_USE) {
        value |= ACCESS.PENDING_REQUEST;
      }
    }
    return value;
  }

  #status(locality: number, size: AccessSize, ahead: number): number {
    const words = this.#words;
    if (words[WORD.ACTIVE] !== locality) return ALL_ONES;
    const offset = words[WORD.OFFSET]! + ahead;
    let bits = words[STS_BITS + locality * LOCALITY_WORDS]!;
    let burst: number;
    if (ahead > 0 && offset >= words[WORD.PACKET_LENGTH]!) bits &= ~STS.DATA_AVAIL;
    if (bits & STS.DATA_AVAIL) {
      burst = words[WORD.PACKET_LENGTH]! - offset;
    } else {
      burst = words[WORD.BUFFER_SIZE]! - offset;
      if (size === 1 && burst > BYTE_BURST_MAX) burst = BYTE_BURST_MAX;
    }
    if (words[WORD.VERSION] === TPM_12) return bits | (burst << BURST_COUNT_SHIFT) | this.#selfTestDone();
    return bits | (burst << BURST_COUNT_SHIFT) | (1 << TPM_FAMILY_SHIFT);
  }

  #selfTestDone(): number {
    return this.#words[WORD.SELF_TEST_DONE] ? STS.SELF_TEST_DONE : 0;
  }

  /** The next response bytes; all ones where there are none (left). */
  #peekFifo(locality: number, size: AccessSize, ahead: number): number {
    let value = ALL_ONES;
    if (this.#words[WORD.ACTIVE] === locality) {
      const left = this.responseLeft - ahead;
      const at = this.#words[WORD.OFFSET]! + ahead;
      for (let i = 0; i < size && i < left; i++) {
        value = (value & ~(0xff << (8 * i))) | (this.#fifo[at + i]! << (8 * i));
      }
    }
    return lowBytes(value, size);
  }
}
