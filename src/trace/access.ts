/** One access to the register interface as a number, as the ring keeps it, and as an object, as views want it. */
import { type AccessSize, TIS_BASE } from "../tis/ports.ts";
import { type RegisterKey, registerAt } from "../tis/registers.ts";

/**
 * | bits  | what                                             |
 * | ----- | ------------------------------------------------ |
 * | 0-14  | offset in the TIS window                         |
 * | 16-18 | size in bytes                                    |
 * | 19    | a write                                          |
 * | 20    | by the page, not the guest                       |
 * | 21    | no access, but a mark: the value says which      |
 */
const OFFSET_MASK = 0x7fff;
const SIZE_SHIFT = 16;
const WRITE = 1 << 19;
const PAGE = 1 << 20;
const MARK = 1 << 21;
const LOCALITY_SHIFT = 12;
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

/** @param address guest-physical, in the TIS window. */
export function packAccess(address: number, size: AccessSize, write: boolean, origin: Origin): number {
  const offset = (address - TIS_BASE) & OFFSET_MASK;
  return offset | (size << SIZE_SHIFT) | (write ? WRITE : 0) | (origin === "page" ? PAGE : 0);
}

export const isMark = (word: number): boolean => (word & MARK) !== 0;
export const isWrite = (word: number): boolean => (word & WRITE) !== 0;
export const isByPage = (word: number): boolean => (word & PAGE) !== 0;
export const localityOf = (word: number): number => (word & OFFSET_MASK) >>> LOCALITY_SHIFT;
/** Offset within the locality. */
export const offsetOf = (word: number): number => word & REGISTER_MASK;
export const sizeOf = (word: number): AccessSize => ((word >>> SIZE_SHIFT) & 7) as AccessSize;

export function unpackAccess(sequence: number, time: number, word: number, value: number): Access {
  const reset = isMark(word);
  const offset = offsetOf(word);
  return {
    sequence,
    time,
    origin: isByPage(word) ? "page" : "guest",
    locality: localityOf(word),
    register: reset ? undefined : registerAt(offset)?.key,
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
