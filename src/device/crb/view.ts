/**
 * What the registers read, computed from the state in memory and changing nothing: the device answers its reads with
 * it, and so does any other thread that shares the memory. No read of this interface has a side effect.
 */
import { alignedSize, lowBytes } from "../frontend/access.ts";
import type { FrontEndView } from "../frontend/port.ts";
import {
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  mapMemory,
  NONE,
  STANDING,
  STANDING_BITS,
  UNSPECIFIED,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { type AccessSize, CRB_BASE, CRB_DATA_BYTES, LOCALITY_SIZE, type TpmVersion } from "./ports.ts";
import {
  ACTIVE_LOCALITY_SHIFT,
  CTRL_START,
  CTRL_STS,
  INT_ENABLE,
  INTF_ID,
  LOC_STATE,
  LOC_STS,
  REGISTERS,
} from "./registers.ts";
import { type CrbState, EXECUTION, IDLE, STATES } from "./states.ts";

/** What nothing answers with. */
const ALL_ONES = -1;
const { offset: OFFSET_LOC_STATE } = REGISTERS.LOC_STATE;
const { offset: OFFSET_LOC_STS } = REGISTERS.LOC_STS;
const { offset: OFFSET_INTF_ID, reset: INTERFACE } = REGISTERS.INTF_ID;
const { offset: OFFSET_INTF_ID_HIGH, reset: INTERFACE_HIGH } = REGISTERS.INTF_ID_HIGH;
const { offset: OFFSET_STS } = REGISTERS.CTRL_STS;
const { offset: OFFSET_CANCEL } = REGISTERS.CTRL_CANCEL;
const { offset: OFFSET_START } = REGISTERS.CTRL_START;
const { offset: OFFSET_INT_ENABLE } = REGISTERS.INT_ENABLE;
const { offset: OFFSET_INT_STS } = REGISTERS.INT_STS;
const { offset: OFFSET_CMD_SIZE } = REGISTERS.CTRL_CMD_SIZE;
const { offset: OFFSET_CMD_LADDR } = REGISTERS.CTRL_CMD_LADDR;
const { offset: OFFSET_RSP_SIZE } = REGISTERS.CTRL_RSP_SIZE;
const { offset: OFFSET_RSP_ADDR } = REGISTERS.CTRL_RSP_ADDR;
export const { offset: OFFSET_DATA } = REGISTERS.DATA_BUFFER;
const LOCALITY_SHIFT = 12;

/** Offset of an address in the CRB window; larger than the window when outside. Takes signed addresses too. */
export function windowOffset(address: number): number {
  return (address - CRB_BASE) >>> 0;
}

export class CrbView implements FrontEndView {
  readonly #words: Int32Array;
  readonly #data: Uint8Array;

  /** @param memory at least `CRB_STATE_BYTES` bytes that a `CrbDevice` writes. */
  constructor(memory: ArrayBufferLike) {
    const { words, data } = mapMemory(memory);
    this.#words = words;
    this.#data = data;
  }

  /** `unspecified` in failure mode. */
  get version(): TpmVersion {
    return VERSIONS[this.#words[WORD.VERSION]!]!;
  }

  /** The locality that has the TPM; -1 when none has. */
  get activeLocality(): number {
    return this.#words[WORD.ACTIVE]!;
  }

  /** Level of the interrupt line. */
  get irqRaised(): boolean {
    return this.#words[WORD.IRQ_LEVEL] !== 0;
  }

  /** Whether anything can raise the interrupt line. */
  get interruptsEnabled(): boolean {
    const localities = this.#words[WORD.LOCALITIES]!;
    for (let locality = 0; locality < localities; locality++) {
      if (this.#words[INT_ENABLE_BITS + locality * LOCALITY_WORDS]! & INT_ENABLE.GLOBAL) return true;
    }
    return false;
  }

  /** State of the command interface as a locality has it: idle where another one, or none, has the TPM. */
  state(locality: number): CrbState {
    const words = this.#words;
    return STATES[words[WORD.ACTIVE] === locality ? words[WORD.STATE]! : IDLE]!;
  }

  /**
   * What a read gives. Any size and alignment is answered; where no register is, all bits are zeros within a locality's
   * page and ones outside of them.
   * @returns the value, unsigned, in the low `size` bytes.
   */
  peek(address: number, size: AccessSize): number {
    const offset = windowOffset(address);
    let value = 0;
    for (let done = 0; done < size; ) {
      const at = (offset + done) >>> 0;
      const piece = alignedSize(at, size - done);
      value |= lowBytes(this.#peekAligned(at, piece), piece) << (8 * done);
      done += piece;
    }
    return lowBytes(value, size);
  }

  #peekAligned(offset: number, size: AccessSize): number {
    const locality = offset >>> LOCALITY_SHIFT;
    if (locality >= this.#words[WORD.LOCALITIES]!) return ALL_ONES;
    if (this.#words[WORD.VERSION] === UNSPECIFIED) return 0;
    const register = offset & (LOCALITY_SIZE - 1);
    if (register >= OFFSET_DATA) return this.#peekData(locality, register - OFFSET_DATA, size);
    return this.#register(locality, register & ~3) >>> ((register & 3) << 3);
  }

  #peekData(locality: number, at: number, size: AccessSize): number {
    if (this.#words[WORD.ACTIVE] !== locality) return ALL_ONES;
    const data = this.#data;
    let value = data[at]!;
    for (let i = 1; i < size; i++) value |= data[at + i]! << (8 * i);
    return value;
  }

  #register(locality: number, register: number): number {
    const words = this.#words;
    const first = locality * LOCALITY_WORDS;
    switch (register) {
      case OFFSET_LOC_STATE:
        return this.#localityState();
      case OFFSET_LOC_STS: {
        const granted = words[WORD.ACTIVE] === locality ? LOC_STS.GRANTED : 0;
        const seized = words[STANDING_BITS + first]! & STANDING.BEEN_SEIZED ? LOC_STS.BEEN_SEIZED : 0;
        return granted | seized;
      }
      case OFFSET_INTF_ID:
        return this.#interfaceId();
      case OFFSET_INTF_ID_HIGH:
        return INTERFACE_HIGH["2.0"];
      case OFFSET_STS:
        return words[WORD.STATE] === IDLE ? CTRL_STS.IDLE : 0;
      case OFFSET_CANCEL:
        return words[WORD.CANCEL]!;
      case OFFSET_START:
        return words[WORD.STATE] === EXECUTION ? CTRL_START.START : 0;
      case OFFSET_INT_ENABLE:
        return words[INT_ENABLE_BITS + first]!;
      case OFFSET_INT_STS:
        return words[INT_STATUS_BITS + first]!;
      case OFFSET_CMD_SIZE:
      case OFFSET_RSP_SIZE:
        return CRB_DATA_BYTES;
      case OFFSET_CMD_LADDR:
      case OFFSET_RSP_ADDR:
        return CRB_BASE + locality * LOCALITY_SIZE + OFFSET_DATA;
      default:
        return 0;
    }
  }

  #localityState(): number {
    const words = this.#words;
    let value = LOC_STATE.VALID;
    if (!words[WORD.ESTABLISHED]) value |= LOC_STATE.ESTABLISHED;
    const active = words[WORD.ACTIVE]!;
    if (active !== NONE) value |= LOC_STATE.ASSIGNED | (active << ACTIVE_LOCALITY_SHIFT);
    return value;
  }

  #interfaceId(): number {
    const words = this.#words;
    let value: number = INTERFACE["2.0"];
    if (words[WORD.LOCALITIES] === 1) value &= ~INTF_ID.CAP_LOCALITY;
    if (words[WORD.CHUNKS]) value |= INTF_ID.CAP_CRB_CHUNK;
    if (words[WORD.INTERFACE_LOCKED]) value |= INTF_ID.LOCK;
    return value;
  }
}
