/**
 * A flash chip that speaks the Intel command set (CFI 0001h), one byte wide, as QEMU's PC has two of them right below
 * 4 GiB: the firmware's code and its variables. It is memory to read (array mode) until a command is written to it.
 *
 * Commands as in the Intel StrataFlash data sheet; where QEMU (7.2, hw/block/pflash_cfi01.c) differs from it, as QEMU
 * does, because that is what firmware was tried with:
 * - a block is erased with the first of the two cycles, the confirming one only ends the command;
 * - programming stores the value as it is, where a chip could only clear bits;
 * - the status register is 0 after it was cleared, by which edk2 tells flash from RAM and ROM.
 * `e2e/conformance/flash/` compares it with QEMU's. Left out is writing to a buffer (0xE8), which edk2 does not use.
 */
import type { AccessSize, MmioDevice } from "../../device/tis/ports.ts";

const COMMAND = {
  READ_ARRAY: 0xff,
  /** Also taken for "read array": AMD's reset command, and the state after a reset. */
  READ_ARRAY_AMD: 0xf0,
  READ_ARRAY_RESET: 0x00,
  PROGRAM: 0x40,
  PROGRAM_ALTERNATE: 0x10,
  ERASE_BLOCK: 0x20,
  LOCK: 0x60,
  READ_STATUS: 0x70,
  CLEAR_STATUS: 0x50,
  READ_IDENTITY: 0x90,
  QUERY: 0x98,
  CONFIRM: 0xd0,
  CONFIRM_LOCK: 0x01,
} as const;

/** Status register. */
const STATUS = { READY: 0x80, ERASE_ERROR: 0x20, PROGRAM_ERROR: 0x10 } as const;

/** The size of a block that is erased at once, in bytes; QEMU's PC has this one for both chips. */
export const BLOCK_SIZE = 0x1000;
const ERASED = 0xff;

/** What a chip is doing: nothing, showing something else than its content, or waiting for the second cycle of a command. */
type Mode = "array" | "status" | "program" | "erase" | "lock" | "identity" | "query";

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
  readonly #listeners = new Set<() => void>();

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

  /** Calls back after each change of the content. @returns a function that ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
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
    this.#changed();
  }

  read(address: number, size: AccessSize): number {
    const offset = address - this.base;
    if (this.#mode !== "array") return this.#register(offset, size);
    if (size === 1) return this.#bytes[offset] as number;
    return size === 4 ? this.#view.getUint32(offset, true) : this.#view.getUint16(offset, true);
  }

  /** What is to be read while the content is not. */
  #register(offset: number, size: AccessSize): number {
    // Like QEMU's, without maker and device.
    if (this.#mode === "identity") return 0;
    if (this.#mode === "query") return queryTable(this.size)[offset & 0xff] ?? 0;
    // A read of four bytes is two of the bus.
    return size === 4 ? this.#status * 0x1_0001 : this.#status;
  }

  write(address: number, size: AccessSize, value: number): void {
    const offset = address - this.base;
    const command = value & 0xff;
    switch (this.#mode) {
      case "program":
        this.#program(offset, size, value);
        break;
      case "erase":
        this.#confirm(command === COMMAND.CONFIRM);
        break;
      case "lock":
        // Blocks are never locked here; that is all that either way changes.
        this.#confirm(command === COMMAND.CONFIRM || command === COMMAND.CONFIRM_LOCK);
        break;
      case "query":
        if (command === COMMAND.READ_ARRAY) this.#mode = "array";
        break;
      default:
        this.#command(offset, command);
    }
  }

  #command(offset: number, command: number): void {
    switch (command) {
      case COMMAND.PROGRAM:
      case COMMAND.PROGRAM_ALTERNATE:
        this.#mode = "program";
        break;
      case COMMAND.LOCK:
        this.#mode = "lock";
        break;
      case COMMAND.READ_IDENTITY:
        this.#mode = "identity";
        break;
      case COMMAND.QUERY:
        this.#mode = "query";
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
      this.#changed();
    }
    this.#status |= STATUS.READY;
    this.#mode = "status";
  }

  #erase(block: number): void {
    if (this.#readOnly) this.#status |= STATUS.ERASE_ERROR;
    else {
      this.#bytes.fill(ERASED, block, block + BLOCK_SIZE);
      this.#changed();
    }
    this.#status |= STATUS.READY;
  }

  #confirm(done: boolean): void {
    if (done) this.#status |= STATUS.READY;
    this.#mode = done ? "status" : "array";
  }
}

/**
 * What the command QUERY shows (JESD68.01, "Common Flash Interface"): the Intel command set, and one region of equal
 * blocks.
 */
function queryTable(size: number): Uint8Array {
  const table = new Uint8Array(0x52);
  const blocks = size / BLOCK_SIZE - 1;
  const fields: readonly (readonly [at: number, bytes: readonly number[]])[] = [
    [0x10, [0x51, 0x52, 0x59, 0x01, 0x00, PRIMARY_TABLE]], // "QRY", command set 1
    [0x1b, [0x45, 0x55]], // volts
    [0x1f, [0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04]], // how long things take, as powers of two
    [0x27, [31 - Math.clz32(size & -size), 0x02, 0x00, 0x08]], // size, bus, buffer
    [0x2c, [0x01, blocks & 0xff, blocks >> 8, (BLOCK_SIZE >> 8) & 0xff, BLOCK_SIZE >> 16]],
    [PRIMARY_TABLE, [0x50, 0x52, 0x49, 0x31, 0x30]], // "PRI", version 1.0
    [0x3f, [0x01]], // protection registers
  ];
  for (const [at, bytes] of fields) table.set(bytes, at);
  return table;
}

const PRIMARY_TABLE = 0x31;
