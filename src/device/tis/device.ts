/**
 * The TPM's register interface as a memory-mapped device: TIS 1.3 for a TPM 1.2, the FIFO interface of PTP 1.05 for
 * a TPM 2.0. Pure and synchronous: commands leave through the sink, answers come in through `complete`.
 *
 * What a guest can observe is what QEMU's tpm-tis shows, but for the entries of `differences.ts`.
 */
import { alignedSize, lowBytes } from "../frontend/access.ts";
import { HEADER_BYTES } from "../frontend/packet.ts";
import type { FrontEndDevice } from "../frontend/port.ts";
import { acceptResponse, consumeFifo, writeFifo, writeStatus } from "./command.ts";
import { TisCore } from "./core.ts";
import { HARDWARE_LOCALITY, writeHardware } from "./launch.ts";
import {
  INT_ENABLE_BITS,
  LOCALITY_WORDS,
  OWED_NOTHING,
  TIS_STATE_BYTES,
  UNSPECIFIED,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { writeAccess } from "./locality.ts";
import { type AccessSize, TIS_BUFFER_SIZE, TIS_SIZE, type TisSink, type TpmVersion } from "./ports.ts";
import { accessMask, INTERFACE_ID, REGISTERS } from "./registers.ts";
import { readSnapshot, type TisSnapshot, takeSnapshot } from "./snapshot.ts";
import type { TisTrace } from "./trace.ts";
import { isFifo, isPureRead, TisView, windowOffset } from "./view.ts";

const DEFAULT_IRQ = 5;
const INT_ENABLE_WRITABLE = accessMask(REGISTERS.INT_ENABLE, "rw");

export interface TisOptions {
  version: TpmVersion;
  sink: TisSink;
  /** Where the state lives: `TIS_STATE_BYTES` bytes, shared memory or not. The device clears it. */
  memory?: ArrayBufferLike;
  /** ISA interrupt that TPM_INT_VECTOR shows; 5 by default, 0 for none. */
  irq?: number;
  /** Largest command or response in bytes; at most 4096, the default. */
  bufferSize?: number;
}

export class TisDevice implements FrontEndDevice {
  /** The memory that holds the whole state; a `TisView` on it reads without this object. */
  readonly memory: ArrayBufferLike;
  readonly #core: TisCore;
  readonly #view: TisView;

  constructor(options: TisOptions) {
    this.memory = options.memory ?? new ArrayBuffer(TIS_STATE_BYTES);
    this.#core = new TisCore(this.memory, options.sink);
    this.#view = new TisView(this.memory);
    const { words } = this.#core;
    words.fill(0);
    words[WORD.VERSION] = VERSIONS.indexOf(options.version);
    words[WORD.IRQ_NUMBER] = options.irq ?? DEFAULT_IRQ;
    words[WORD.BUFFER_SIZE] = usableBufferSize(options.bufferSize ?? TIS_BUFFER_SIZE);
    this.#core.reset();
  }

  /** `unspecified` in failure mode. */
  get version(): TpmVersion {
    return this.#core.version;
  }

  /** True while a command's answer is due through `complete`. */
  get executing(): boolean {
    return this.#core.words[WORD.OWED] !== OWED_NOTHING;
  }

  /**
   * Names the command given to `TisSink.execute` last. Whoever reads it there and hands it back to `complete`, makes
   * sure that an answer from before a reset is not taken for that of a later command.
   */
  get ticket(): number {
    return this.#core.ticket;
  }

  /** Called with each state transition, change of ownership and reset; costs nothing while unset. */
  get onTrace(): ((event: TisTrace) => void) | undefined {
    return this.#core.onTrace;
  }
  set onTrace(listener: ((event: TisTrace) => void) | undefined) {
    this.#core.onTrace = listener;
  }

  watchMoves(listener: ((event: TisTrace) => void) | undefined): void {
    this.onTrace = listener;
  }

  get view(): TisView {
    return this.#view;
  }

  // --- the bus ---

  /** Any size and alignment is answered; all ones where no register is. */
  read(address: number, size: AccessSize): number {
    const value = this.#view.peek(address, size);
    if (!isPureRead(address, size)) this.#consume(address, size);
    return value;
  }

  isPureRead(address: number, size: AccessSize): boolean {
    return isPureRead(address, size);
  }

  /** A read that the bus cuts in pieces, some of which may lie in the FIFO, is more than one that takes bytes. */
  bytesTaken(address: number, size: AccessSize): number | undefined {
    const offset = windowOffset(address);
    if (!isFifo(offset & 0xffc) || (offset & (size - 1)) !== 0) return undefined;
    if (offset >>> 12 !== this.#view.activeLocality) return 0;
    return Math.min(size, this.#view.responseLeft);
  }

  /** What `read` would give, without its side effects. */
  peek(address: number, size: AccessSize): number {
    return this.#view.peek(address, size);
  }

  write(address: number, size: AccessSize, value: number): void {
    this.#core.beginAccess(address, size, lowBytes(value, size));
    const offset = windowOffset(address);
    for (let done = 0; done < size; ) {
      const at = (offset + done) >>> 0;
      const piece = alignedSize(at, size - done);
      this.#writeAligned(at, piece, lowBytes(value >>> (8 * done), piece));
      done += piece;
    }
    this.#core.settle();
  }

  /** The side effect of a read: response bytes leave the FIFO. */
  #consume(address: number, size: AccessSize): void {
    const core = this.#core;
    core.beginAccess(address, size, undefined);
    const offset = windowOffset(address);
    for (let done = 0; done < size; ) {
      const at = (offset + done) >>> 0;
      const piece = alignedSize(at, size - done);
      if (at < TIS_SIZE && isFifo(at & 0xffc)) consumeFifo(core, at >>> 12, piece);
      done += piece;
    }
    core.settle();
  }

  #writeAligned(at: number, size: AccessSize, value: number): void {
    const core = this.#core;
    const locality = at >>> 12;
    const register = at & 0xffc;
    if (at >= TIS_SIZE || core.words[WORD.VERSION] === UNSPECIFIED) return;
    if (locality === HARDWARE_LOCALITY) {
      writeHardware(core, at, size, value);
      return;
    }
    if (isFifo(register)) {
      writeFifo(core, locality, size, value);
      return;
    }
    const shift = (at & 3) << 3;
    this.#writeRegister(locality, register, value << shift, lowBytes(-1, size) << shift);
  }

  /** @param lanes the bits of `value` that were written. */
  #writeRegister(locality: number, register: number, value: number, lanes: number): void {
    const core = this.#core;
    if (register === REGISTERS.ACCESS.offset) writeAccess(core, locality, value);
    else if (register === REGISTERS.INTERFACE_ID.offset) {
      if (value & INTERFACE_ID.LOCK) core.words[WORD.INTERFACE_LOCKED] = 1;
    } else if (core.words[WORD.ACTIVE] === locality) {
      if (register === REGISTERS.STS.offset) writeStatus(core, locality, value);
      else if (register === REGISTERS.INT_ENABLE.offset) this.#writeIntEnable(locality, value, lanes);
      else if (register === REGISTERS.INT_STATUS.offset) core.acknowledge(locality, value);
    }
  }

  /** Replaces the bytes that `lanes` covers. */
  #writeIntEnable(locality: number, value: number, lanes: number): void {
    const { words } = this.#core;
    const at = INT_ENABLE_BITS + locality * LOCALITY_WORDS;
    words[at] = (words[at]! & ~lanes) | (value & lanes & INT_ENABLE_WRITABLE);
  }

  // --- the TPM behind ---

  /**
   * The TPM's answer to the command given to `TisSink.execute`. One that is not a whole TPM packet that fits the
   * buffer is replaced by the TPM's failure response.
   * @param ticket the device's `ticket` when the command was given out; the newest by default.
   * @returns false when that command's answer is not due (any more): nothing has happened.
   */
  complete(response: Uint8Array, ticket = this.ticket): boolean {
    if (!this.executing || ticket !== this.ticket) return false;
    acceptResponse(this.#core, response);
    this.#core.settle();
    return true;
  }

  /** A power cycle. The answer to a running command is not expected any more; failure mode stays. */
  reset(): void {
    this.#core.reset();
    this.#core.settle();
  }

  /** Failure mode: every register reads 0 and ignores writes, until `setVersion`. */
  fail(): void {
    this.setVersion("unspecified");
  }

  /** Another kind of TPM, with a reset; `unspecified` is the failure mode. */
  setVersion(version: TpmVersion): void {
    this.#core.words[WORD.VERSION] = VERSIONS.indexOf(version);
    this.reset();
  }

  /** The establishment flag: true after a dynamic root of trust was measured. It outlives resets. */
  setEstablishment(established: boolean): void {
    this.#core.words[WORD.ESTABLISHED] = established ? 1 : 0;
  }

  /**
   * Another buffer size, with a reset when it differs.
   * @param size bytes; what is above 4096 counts as 4096.
   * @throws {RangeError} when not even a packet's header fits.
   */
  setBufferSize(size: number): void {
    const usable = usableBufferSize(size);
    if (usable === this.#core.words[WORD.BUFFER_SIZE]) return;
    this.#core.words[WORD.BUFFER_SIZE] = usable;
    this.reset();
  }

  // --- snapshots ---

  /** The whole state as plain data that can be cloned and stored. */
  snapshot(): TisSnapshot {
    return takeSnapshot(this.memory);
  }

  /**
   * Takes over the state of another device as it stands in that one's memory. Nobody is told of it, and the other's
   * running command is not this one's to answer.
   */
  mirror(memory: ArrayBufferLike): void {
    this.#core.replace(memory);
    this.#core.dropEffects();
  }

  /**
   * Puts the device into a state that `snapshot` gave. Where `snapshot.execution` is set, a command was running: the
   * device waits for `complete`, and does not call `TisSink.execute` for it again; answers to commands from before
   * `restore` that bring their ticket are ignored.
   * @throws {TisSnapshotError} when it is no valid snapshot; the device is unchanged then.
   */
  restore(snapshot: unknown): void {
    this.#core.replace(readSnapshot(snapshot));
    this.#core.settle();
  }
}

function usableBufferSize(size: number): number {
  if (!(size >= HEADER_BYTES)) {
    throw new RangeError(`a TPM's buffer holds at least ${HEADER_BYTES} bytes, got ${size}`);
  }
  return Math.min(Math.floor(size), TIS_BUFFER_SIZE);
}
