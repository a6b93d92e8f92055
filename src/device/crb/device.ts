/**
 * The TPM's register interface as a memory-mapped device: the command response buffer (CRB) of PTP 1.05, for a TPM 2.0.
 * Pure and synchronous: commands leave through the sink, answers come in through `complete`.
 *
 * What a guest can observe is what QEMU's tpm-crb shows, but for the entries of `differences.ts`.
 */
import { alignedSize, lowBytes } from "../frontend/access.ts";
import type { FrontEndDevice, InterfaceMove } from "../frontend/port.ts";
import { accessMask } from "../frontend/registers.ts";
import {
  acceptResponse,
  usableBufferSize,
  writeCancel,
  writeData,
  writeRequest,
  writeStart,
} from "./command.ts";
import { CrbCore } from "./core.ts";
import {
  CRB_STATE_BYTES,
  INT_ENABLE_BITS,
  LOCALITY_WORDS,
  NONE,
  UNSPECIFIED,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { writeLocalityControl } from "./locality.ts";
import {
  type AccessSize,
  CRB_DATA_BYTES,
  CRB_PACKET_BYTES,
  type FrontEndSink,
  HARDWARE_LOCALITY,
  LOCALITIES,
  LOCALITY_SIZE,
  type TpmVersion,
} from "./ports.ts";
import { CTRL_CANCEL, INT, INTF_ID, REGISTERS } from "./registers.ts";
import { type CrbSnapshot, readSnapshot, takeSnapshot } from "./snapshot.ts";
import type { CrbTrace } from "./trace.ts";
import { CrbView, OFFSET_DATA, windowOffset } from "./view.ts";

const INT_ENABLE_WRITABLE = accessMask(REGISTERS.INT_ENABLE, "rw");
const INTERRUPTS = accessMask(REGISTERS.INT_STS, "w1c");

export interface CrbOptions {
  version: TpmVersion;
  sink: FrontEndSink;
  /** Where the state lives: `CRB_STATE_BYTES` bytes, shared memory or not. The device clears it. */
  memory?: ArrayBufferLike;
  /** 5 by default; 1 for locality 0 alone, which is what QEMU offers. */
  localities?: 1 | typeof LOCALITIES;
  /**
   * Offers commands and responses larger than the data buffer, in chunks. Off by default: the drivers that know it are
   * newer than PTP 1.07, and the others may take the bit for something else.
   */
  chunks?: boolean;
  /** Largest command or response in bytes; at most the data buffer's 3968, the default, or 8192 with chunks. */
  bufferSize?: number;
}

export class CrbDevice implements FrontEndDevice {
  /** The memory that holds the whole state; a `CrbView` on it reads without this object. */
  readonly memory: ArrayBufferLike;
  readonly #core: CrbCore;
  readonly #view: CrbView;

  constructor(options: CrbOptions) {
    this.memory = options.memory ?? new ArrayBuffer(CRB_STATE_BYTES);
    this.#core = new CrbCore(this.memory, options.sink);
    this.#view = new CrbView(this.memory);
    const { words } = this.#core;
    words.fill(0);
    words[WORD.VERSION] = versionNumber(options.version);
    words[WORD.LOCALITIES] = options.localities ?? LOCALITIES;
    words[WORD.CHUNKS] = options.chunks ? 1 : 0;
    words[WORD.BUFFER_SIZE] = usableBufferSize(options.bufferSize ?? CRB_PACKET_BYTES, this.#largest);
    this.#core.reset();
  }

  /** `unspecified` in failure mode. */
  get version(): TpmVersion {
    return this.#view.version;
  }

  /** True while a command's answer is due through `complete`. */
  get executing(): boolean {
    return this.#core.executing;
  }

  /**
   * Names the command given to the sink's `execute` last. Whoever reads it there and hands it back to `complete`, makes
   * sure that an answer from before a reset is not taken for that of a later command.
   */
  get ticket(): number {
    return this.#core.ticket;
  }

  get view(): CrbView {
    return this.#view;
  }

  /** Called with each state transition, change of ownership and reset; costs nothing while unset. */
  get onTrace(): ((event: CrbTrace) => void) | undefined {
    return this.#core.onTrace;
  }
  set onTrace(listener: ((event: CrbTrace) => void) | undefined) {
    this.#core.onTrace = listener;
  }

  watchMoves(listener: ((move: InterfaceMove) => void) | undefined): void {
    this.onTrace = listener;
  }

  // --- the bus ---

  /** Any size and alignment is answered; a read changes nothing. */
  read(address: number, size: AccessSize): number {
    return this.#view.peek(address, size);
  }

  peek(address: number, size: AccessSize): number {
    return this.#view.peek(address, size);
  }

  isPureRead(): boolean {
    return true;
  }

  bytesTaken(): undefined {
    return undefined;
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

  #writeAligned(at: number, size: AccessSize, value: number): void {
    const core = this.#core;
    const locality = Math.floor(at / LOCALITY_SIZE);
    if (locality >= core.words[WORD.LOCALITIES]! || core.words[WORD.VERSION] === UNSPECIFIED) return;
    const register = at & (LOCALITY_SIZE - 1);
    if (register >= OFFSET_DATA) {
      if (core.active === locality) writeData(core, register - OFFSET_DATA, size, value);
      return;
    }
    const shift = (at & 3) << 3;
    this.#writeRegister(locality, register & ~3, value << shift, lowBytes(-1, size) << shift);
  }

  /** @param lanes the bits of `value` that were written. */
  #writeRegister(locality: number, register: number, value: number, lanes: number): void {
    const core = this.#core;
    if (register === REGISTERS.LOC_CTRL.offset) writeLocalityControl(core, locality, value);
    else if (locality === HARDWARE_LOCALITY) return;
    else if (register === REGISTERS.INTF_ID.offset) {
      if (value & INTF_ID.LOCK) core.words[WORD.INTERFACE_LOCKED] = 1;
    } else if (register === REGISTERS.INT_ENABLE.offset) this.#writeIntEnable(locality, value, lanes);
    // Also by a locality that has lost the TPM: nobody else could make the line drop.
    else if (register === REGISTERS.INT_STS.offset) core.acknowledge(locality, value & INTERRUPTS);
    else if (core.active !== locality) return;
    else if (register === REGISTERS.CTRL_REQ.offset) writeRequest(core, value);
    else if (register === REGISTERS.CTRL_START.offset) writeStart(core, value);
    else if (register === REGISTERS.CTRL_CANCEL.offset && lanes & CTRL_CANCEL.CANCEL)
      writeCancel(core, value);
  }

  /** Replaces the bytes that `lanes` covers. */
  #writeIntEnable(locality: number, value: number, lanes: number): void {
    const { words } = this.#core;
    const at = INT_ENABLE_BITS + locality * LOCALITY_WORDS;
    words[at] = (words[at]! & ~lanes) | (value & lanes & INT_ENABLE_WRITABLE);
    this.#core.updateIrq();
  }

  // --- the TPM behind ---

  /**
   * The TPM's answer to the command given to the sink's `execute`. One that is not a whole TPM packet that fits the
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

  /**
   * Another kind of TPM, with a reset; `unspecified` is the failure mode.
   * @throws {RangeError} for a TPM 1.2, which has no such interface.
   */
  setVersion(version: TpmVersion): void {
    this.#core.words[WORD.VERSION] = versionNumber(version);
    this.reset();
  }

  /** The establishment flag: true after a dynamic root of trust was measured. It outlives resets. */
  setEstablishment(established: boolean): void {
    const { words } = this.#core;
    const asked = words[WORD.CLEARING]!;
    words[WORD.ESTABLISHED] = established ? 1 : 0;
    words[WORD.CLEARING] = NONE;
    if (!established) this.#core.raise(asked, INT.ESTABLISHMENT_CLEAR);
    this.#core.settle();
  }

  /**
   * Another buffer size, with a reset when it differs.
   * @param size bytes; what is above the largest counts as that.
   * @throws {RangeError} when not even a packet's header fits.
   */
  setBufferSize(size: number): void {
    const usable = usableBufferSize(size, this.#largest);
    if (usable === this.#core.words[WORD.BUFFER_SIZE]) return;
    this.#core.words[WORD.BUFFER_SIZE] = usable;
    this.reset();
  }

  get #largest(): number {
    return this.#core.words[WORD.CHUNKS] ? CRB_PACKET_BYTES : CRB_DATA_BYTES;
  }

  // --- snapshots ---

  /** The whole state as plain data that can be cloned and stored. */
  snapshot(): CrbSnapshot {
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
   * Puts the device into a state that `snapshot` gave. Where its state is execution, a command was running: the device
   * waits for `complete`, and does not call the sink's `execute` for it again; answers to commands from before `restore`
   * that bring their ticket are ignored.
   * @throws {CrbSnapshotError} when it is no valid snapshot; the device is unchanged then.
   */
  restore(snapshot: unknown): void {
    this.#core.replace(readSnapshot(snapshot));
    this.#core.settle();
  }
}

function versionNumber(version: TpmVersion): number {
  const number = (VERSIONS as readonly TpmVersion[]).indexOf(version);
  if (number < 0) throw new RangeError(`the CRB interface is for a TPM 2.0, not for a TPM ${version}`);
  return number;
}
