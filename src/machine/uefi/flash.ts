/**
 * A flash chip that speaks the Intel command set (CFI 0001h), one byte wide, as QEMU's PC has two of them right below
 * 4 GiB: the firmware's code and its variables. It is memory to read (array mode) until a command is written to it.
 *
 * Commands as in the Intel StrataFlash data sheet; where QEMU (7.2, hw/block/pflash_cfi01.c) differs from it, as QEMU
 * does, because that is what firmware was tried with:
 * - a block is erased with the first of the two cycles, the confirming one only ends the command;
 * - programming stores the value as it is, where a chip could only clear bits;
 * - the status register is 0 after it was cleared, by which edk2 tells flash from RAM and ROM.
 */
import type { AccessSize, MmioDevice } from "../../tis/ports.ts";

const COMMAND = {
  READ_ARRAY: 0xff,
  /** Also taken for "read array": AMD's reset command, and the state after a reset. */
  READ_ARRAY_AMD: 0xf0,
  READ_ARRAY_RESET: 0x00,
  PROGRAM: 0x40,
  PROGRAM_ALTERNATE: 0x10,
  ERASE_BLOCK: 0x20,
  READ_STATUS: 0x70,
  CLEAR_STATUS: 0x50,
  CONFIRM: 0xd0,
} as const;

/** Status register. */
const STATUS = { READY: 0x80, ERASE_ERROR: 0x20, PROGRAM_ERROR: 0x10 } as const;

/** The size of a block that is erased at once, in bytes; QEMU's PC has this one for both chips. */
export const BLOCK_SIZE = 0x1000;
const ERASED = 0xff;

/** What a chip is doing: nothing, showing its status, or waiting for the second cycle of a command. */
type Mode = "array" | "status" | "program" | "erase";

/** Content and state of a chip; data only. */
export interface FlashState {
  bytes: Uint8Array;
  mode: Mode;
  status: number;
}

export interface FlashOptions {
  /** Guest-physical address of its first byte. */
  base: number;
  /** Writes change nothing, and the status tells so. */
  readOnly?: boolean;
}

export class Flash implements MmioDevice {
  readonly base: number;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #readOnly: boolean;
  #mode: Mode = "array";
  #status = 0;

  /** Called after each change of the content. */
  onChange: (() => void) | undefined;

  /**
   * @param content is copied; in whole blocks.
   * @throws {RangeError} for another size.
   */
  constructor(content: Uint8Array, { base, readOnly = false }: FlashOptions) {
    if (content.length === 0 || content.length % BLOCK_SIZE)
      throw new RangeError(
        `a flash of ${content.length} bytes is not in whole blocks of ${BLOCK_SIZE} bytes: this is no firmware image`,
      );
    this.base = base;
    this.#bytes = Uint8Array.from(content);
    this.#view = new DataView(this.#bytes.buffer);
    this.#readOnly = readOnly;
  }

  get size(): number {
    return this.#bytes.length;
  }

  /** A copy of the content. */
  content(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  /** What a reset does: the chip is memory again. Its content stays. */
  reset(): void {
    this.#mode = "array";
    this.#status = 0;
  }

  /** A copy of all of it. */
  save(): FlashState {
    return { bytes: this.content(), mode: this.#mode, status: this.#status };
  }

  /** @throws {RangeError} when the content has another size. */
  restore({ bytes, mode, status }: FlashState): void {
    if (bytes.length !== this.size)
      throw new RangeError(`a flash of ${this.size} bytes cannot take the content of one of ${bytes.length}`);
    this.#bytes.set(bytes);
    this.#mode = mode;
    this.#status = status;
    this.onChange?.();
  }

  read(address: number, size: AccessSize): number {
    const offset = address - this.base;
    if (this.#mode !== "array") {
      // Each byte of the bus shows the register of the same chip.
      if (size === 1) return this.#status;
      return size === 2 ? this.#status * 0x0101 : this.#status * 0x0101_0101;
    }
    if (size === 1) return this.#bytes[offset] as number;
    return size === 4 ? this.#view.getUint32(offset, true) : this.#view.getUint16(offset, true);
  }

  write(address: number, size: AccessSize, value: number): void {
    const offset = address - this.base;
    if (this.#mode === "program") this.#program(offset, size, value);
    else if (this.#mode === "erase") this.#confirmErase(value & 0xff);
    else this.#command(offset, value & 0xff);
  }

  #command(offset: number, command: number): void {
    switch (command) {
      case COMMAND.PROGRAM:
      case COMMAND.PROGRAM_ALTERNATE:
        this.#mode = "program";
        break;
      case COMMAND.ERASE_BLOCK:
        this.#erase(offset & -BLOCK_SIZE);
        this.#mode = "erase";
        break;
      case COMMAND.READ_STATUS:
        this.#mode = "status";
        break;
      case COMMAND.CLEAR_STATUS:
        this.#status = 0;
        this.#mode = "array";
        break;
      default:
        // READ_ARRAY, AMD's reset, and whatever it does not know.
        this.#mode = "array";
    }
  }

  #program(offset: number, size: AccessSize, value: number): void {
    if (this.#readOnly) this.#status |= STATUS.PROGRAM_ERROR;
    else {
      if (size === 1) this.#bytes[offset] = value;
      else if (size === 4) this.#view.setUint32(offset, value, true);
      else this.#view.setUint16(offset, value, true);
      this.onChange?.();
    }
    this.#status |= STATUS.READY;
    this.#mode = "status";
  }

  #erase(block: number): void {
    if (this.#readOnly) this.#status |= STATUS.ERASE_ERROR;
    else {
      this.#bytes.fill(ERASED, block, block + BLOCK_SIZE);
      this.onChange?.();
    }
    this.#status |= STATUS.READY;
  }

  #confirmErase(command: number): void {
    this.#mode = command === COMMAND.CONFIRM ? "status" : "array";
  }
}
