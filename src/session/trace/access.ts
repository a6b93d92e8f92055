/** One access to the register interface as a number, as the ring keeps it, and as an object, as views want it. */
import { REGISTERS as CRB_REGISTERS } from "../../device/crb/registers.ts";
import type { AccessSize } from "../../device/frontend/port.ts";
import { type Register, registerIn } from "../../device/frontend/registers.ts";
import { INTERFACES, type RegisterInterface, type RegisterKey } from "../../device/interfaces/interfaces.ts";
import { isFifo } from "../../device/tis/view.ts";

/**
 * | bits  | what                                             |
 * | ----- | ------------------------------------------------ |
 * | 0-14  | offset in the interface's window                 |
 * | 16-18 | size in bytes                                    |
 * | 19    | a write                                          |
 * | 20    | by the page, not the guest                       |
 * | 21    | no access, but a mark: the value says which      |
 * | 22    | through the CRB interface, not the FIFO one      |
 */
const OFFSET_MASK = 0x7fff;
const SIZE_SHIFT = 16;
const WRITE = 1 << 19;
const PAGE = 1 << 20;
const MARK = 1 << 21;
const CRB = 1 << 22;
/** Where every interface's window begins. */
const { base: BASE } = INTERFACES.TIS.frontEnd.window;
const LOCALITY_SHIFT = 12;
const { offset: DATA_BUFFER } = CRB_REGISTERS.DATA_BUFFER;
const REGISTER_MASK = 0xfff;

/** Marks between accesses, by value. */
export const MARKS = { RESET: 1 } as const;
export const RESET_WORD = MARK;

export type Origin = "guest" | "page";

export interface Access {
  /** Counts all accesses since recording began; a later one has a larger number. */
  sequence: number;
  /** `performance.now()` milliseconds. */
  time: number;
  origin: Origin;
  /** The register interface that it went through. */
  interface: RegisterInterface;
  locality: number;
  /** Undefined where no register is. */
  register: RegisterKey | undefined;
  /** Within the locality's page. */
  offset: number;
  size: AccessSize;
  write: boolean;
  /** What was written or read; 0 for a mark. */
  value: number;
  /** The machine was reset here; nothing else counts then. */
  reset: boolean;
}

/**
 * @param address guest-physical, in the interface's window.
 * @param through the interface's mark, as {@link interfaceMark} gives it; the FIFO interface's by default.
 */
export function packAccess(
  address: number,
  size: AccessSize,
  write: boolean,
  origin: Origin,
  through = 0,
): number {
  const offset = (address - BASE) & OFFSET_MASK;
  return offset | (size << SIZE_SHIFT) | (write ? WRITE : 0) | (origin === "page" ? PAGE : 0) | through;
}

/** What accesses through an interface have in their word. */
export const interfaceMark = ({ name }: Pick<RegisterInterface, "name">): number =>
  name === "CRB" ? CRB : 0;
export const interfaceOfWord = (word: number): RegisterInterface =>
  word & CRB ? INTERFACES.CRB : INTERFACES.TIS;
export const isCrb = (word: number): boolean => (word & CRB) !== 0;

export const isMark = (word: number): boolean => (word & MARK) !== 0;
export const isWrite = (word: number): boolean => (word & WRITE) !== 0;
export const isByPage = (word: number): boolean => (word & PAGE) !== 0;
export const localityOf = (word: number): number => (word & OFFSET_MASK) >>> LOCALITY_SHIFT;
/** Offset within the locality. */
export const offsetOf = (word: number): number => word & REGISTER_MASK;
/** Whether command or response bytes move: through the FIFO, or in the data buffer. */
export function isData(word: number): boolean {
  if (isMark(word)) return false;
  const offset = offsetOf(word);
  if (isCrb(word)) return offset >= DATA_BUFFER;
  return isFifo(offset & ~3);
}
/** The word of the access that goes on with the same: a poll and the FIFO stay where they are, the data buffer does not. */
export const nextWord = (word: number): number => (isCrb(word) && isData(word) ? word + sizeOf(word) : word);
export const sizeOf = (word: number): AccessSize => ((word >>> SIZE_SHIFT) & 7) as AccessSize;

type KeyedRegisters = Readonly<Record<RegisterKey, Register>>;

export function unpackAccess(sequence: number, time: number, word: number, value: number): Access {
  const reset = isMark(word);
  const offset = offsetOf(word);
  const through = interfaceOfWord(word);
  return {
    sequence,
    time,
    origin: isByPage(word) ? "page" : "guest",
    interface: through,
    locality: localityOf(word),
    register: reset ? undefined : registerIn(through.registers as KeyedRegisters, offset)?.key,
    offset,
    size: sizeOf(word),
    write: isWrite(word),
    value: reset ? 0 : value,
    reset,
  };
}

/** The access's value where it lies in the whole 32-bit register. */
export function inRegister({ offset, value }: Pick<Access, "offset" | "value">): number {
  return (value << ((offset & 3) * 8)) >>> 0;
}
