/**
 * A second, independent description of the CRB interface with locality 0 alone, to predict what QEMU answers and what the
 * device answers. It is written from the observed behaviour of QEMU and shares no code with the device; each wanted
 * difference is a branch on its identifier, taken or not taken by `quirks`.
 */
import type { DifferenceId } from "../../../src/device/crb/differences.ts";
import type { Model, Running, Version } from "../interface.ts";

const BUFFER = 0x80;
const SIZE = 0xf80;
const HEADER = 10;
const be32 = (bytes: Uint8Array, at: number) =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
/** Interrupts. */
const [START, READY, LOCALITY] = [1, 2, 8] as const;

export class CrbModel implements Model {
  readonly version: Version = "2.0";
  granted = false;
  idle = true;
  /** The buffer holds a response, and nothing was written over it. */
  done = false;
  buffer = new Uint8Array(SIZE);
  running: Running | undefined;
  wedged = false;
  controlCalls = 0;
  irq = false;
  // What only the device has.
  private leaving = false;
  private requested = false;
  private cancel = 0;
  private locked = false;
  private enable = 0;
  private pending = 0;
  /** `controlCalls` when the command started. */
  private callsBefore = 0;

  constructor(
    readonly quirks: boolean,
    readonly note: (id: DifferenceId) => void,
  ) {}

  reset(): void {
    this.granted = this.done = this.leaving = this.requested = this.locked = this.irq = false;
    this.idle = true;
    this.cancel = this.enable = this.pending = 0;
    this.running = undefined;
    if (this.buffer.some((byte) => byte !== 0) && this.differs("reset-empties-buffer")) this.buffer.fill(0);
  }

  /** @returns true where this model goes the device's way and not QEMU's; notes that it matters. */
  private differs(id: DifferenceId): boolean {
    this.note(id);
    return !this.quirks;
  }

  parts(): Record<string, string> {
    const { granted, idle, done, leaving, requested, cancel, locked, enable, pending, running } = this;
    return {
      locality: [granted, leaving, requested].join(),
      state: [idle, done].join(),
      buffer: Buffer.from(this.buffer).toString("base64"),
      command: JSON.stringify(running && [...running.command]),
      cancel: `${cancel}`,
      lock: `${locked}`,
      interrupts: [enable, pending].join(),
    };
  }

  clone(): CrbModel {
    const copy = new CrbModel(this.quirks, () => undefined);
    return Object.assign(copy, { ...this, note: copy.note, buffer: this.buffer.slice() });
  }

  /**
   * True for what QEMU answers by chance, or not at all: it reads the command while it is written over, writes the
   * response while it waits for the TPM's control channel, and waits for ever for the rest of a short command.
   */
  isBeyond(address: number, size: number, value: number | undefined): boolean {
    if (!this.quirks) return false;
    if (this.running && address + size > BUFFER)
      return value !== undefined || this.controlCalls !== this.callsBefore;
    const starts = value === 1 && address === 0x4c && this.granted && !this.running;
    return starts && be32(this.buffer, 2) < HEADER;
  }

  // --- reads ---

  read(address: number, size: number): number {
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(this.readByte(address + i)) << BigInt(8 * i);
    return Number(value);
  }

  private readByte(at: number): number {
    if (at < BUFFER) return (this.readWord(at & ~3) >>> (8 * (at & 3))) & 0xff;
    const byte = this.buffer[at - BUFFER]!;
    return !this.granted && byte !== 0xff && this.differs("buffer-needs-locality") ? 0xff : byte;
  }

  private readWord(register: number): number {
    switch (register) {
      case 0x00:
        return this.granted ? 0x83 : 0x81;
      case 0x0c:
        return this.granted ? 1 : 0;
      case 0x30:
        return this.locked ? 0x000a_5811 : 0x0002_5811;
      case 0x34:
        return 0x1014;
      case 0x44:
        return this.idle ? 2 : 0;
      case 0x48:
        return this.cancel;
      case 0x4c:
        return this.running ? 1 : 0;
      case 0x50:
        return this.enable >>> 0;
      case 0x54:
        return this.pending;
      case 0x58:
      case 0x64:
        return SIZE;
      case 0x5c:
      case 0x68:
        return 0xfed4_0080;
      default:
        return 0;
    }
  }

  // --- writes ---

  write(address: number, size: number, value: number): void {
    for (let done = 0; done < size; ) {
      const at = address + done;
      let part = size - done >= 4 ? 4 : size - done >= 2 ? 2 : 1;
      while (at % part) part /= 2;
      const mask = part === 4 ? 0xffff_ffff : part === 2 ? 0xffff : 0xff;
      this.writePiece(at, part, ((value >>> (8 * done)) & mask) >>> 0, mask);
      done += part;
    }
  }

  private writePiece(at: number, size: number, value: number, mask: number): void {
    if (at >= BUFFER) {
      this.writeBuffer(at - BUFFER, size, value);
      return;
    }
    const shift = 8 * (at & 3);
    const word = (value << shift) >>> 0;
    const lanes = (mask << shift) >>> 0;
    // QEMU looks at whole values at whole addresses.
    const exact = (at & 3) === 0 ? value : 0;
    switch (at & ~3) {
      case 0x08:
        this.writeLocality(exact, word & 7);
        break;
      case 0x30:
        if (word & 0x0008_0000 && !this.locked && this.differs("interface-lock")) this.locked = true;
        break;
      case 0x40:
        this.writeRequest(exact, word & 3);
        break;
      case 0x48:
        if (lanes & 1) this.writeCancel(exact, word & 1);
        break;
      case 0x4c:
        if (word & 1) this.writeStart(exact === 1);
        break;
      case 0x50:
        this.writeEnable((this.enable & ~lanes) | (word & lanes & 0x8000_000f));
        break;
      case 0x54:
        this.pending &= ~word;
        this.updateIrq();
        break;
    }
  }

  private writeLocality(exact: number, bits: number): void {
    if (this.quirks) {
      if (bits & 4) this.note("seize");
      else if (bits !== 0 && exact !== bits) this.note("bits-on-their-own");
      if (exact === 1) this.granted = true;
      if (exact === 2) {
        if (this.running) this.note("relinquish-waits");
        this.granted = false;
      }
    } else if (bits & 4) {
      if (!this.granted) this.grant();
    } else if (bits & 2 && this.granted) this.giveUp();
    else {
      if (bits & 2) this.requested = false;
      if (bits & 1 && !this.granted) this.grant();
      else if (bits & 1 && this.leaving) this.requested = true;
    }
  }

  private grant(): void {
    this.granted = true;
    this.requested = false;
    this.raise(LOCALITY);
  }

  private giveUp(): void {
    if (this.running) {
      this.leaving = true;
      this.controlCalls++;
    } else this.granted = false;
  }

  private writeRequest(exact: number, bits: number): void {
    if (bits !== 1 && bits !== 2) return;
    if (exact !== bits && !this.differs("bits-on-their-own")) return;
    if (!this.granted && this.differs("control-needs-locality")) return;
    if (this.running && this.differs("running-keeps-state")) return;
    this.idle = bits === 2;
    this.done = false;
    if (bits === 1) this.raise(READY);
  }

  private writeCancel(exact: number, bit: number): void {
    if (this.quirks) {
      if (bit) this.note(exact === 1 ? "cancel-reads-back" : "bits-on-their-own");
      if (exact === 1 && this.running) this.controlCalls++;
    } else if (this.granted) {
      this.cancel = bit;
      if (bit && this.running) this.controlCalls++;
    }
  }

  private writeStart(exact: boolean): void {
    if (!this.granted || this.running) return;
    if (!exact && !this.differs("bits-on-their-own")) return;
    if ((this.idle || this.done) && this.differs("start-needs-ready")) return;
    this.callsBefore = this.controlCalls;
    const declared = be32(this.buffer, 2);
    this.running = { locality: 0, command: this.buffer.slice(0, Math.min(declared, SIZE)) };
    this.done = false;
    const long = declared > SIZE;
    if (long) this.running.response = this.wrongSize();
    if (long ? this.differs("long-command-stays-here") : declared < HEADER)
      this.complete(this.running.response ?? this.wrongSize());
  }

  /** What a TPM answers to the command in the buffer, the size of which is wrong. */
  private wrongSize(): Uint8Array {
    const tag = (this.buffer[0]! << 8) | this.buffer[1]!;
    const attestation = tag === 0xc4 || tag === 0x8000 || (tag >= 0x8014 && tag <= 0x801a);
    const ticket = tag >= 0x8021 && tag <= 0x8025;
    let code = attestation || ticket ? [0, 0x1e] : [0, 0x84];
    if (tag === 0x8001 || tag === 0x8002) code = [0x01, 0x42];
    return Uint8Array.of(0x80, 0x01, 0, 0, 0, 10, 0, 0, ...code);
  }

  private writeBuffer(at: number, size: number, value: number): void {
    if (!this.granted && this.differs("buffer-needs-locality")) return;
    if (this.running && this.differs("buffer-held")) return;
    if (this.idle && this.differs("data-wakes")) this.idle = false;
    for (let i = 0; i < size; i++) this.buffer[at + i] = value >>> (8 * i);
    this.done = false;
  }

  // --- interrupts, and the TPM's answer ---

  private writeEnable(value: number): void {
    if (value !== this.enable && this.differs("interrupts")) this.enable = value;
    this.updateIrq();
  }

  private raise(bit: number): void {
    if (this.enable < 0 && this.enable & bit) this.pending |= bit;
    this.updateIrq();
  }

  private updateIrq(): void {
    this.irq = this.enable < 0 && (this.enable & this.pending) !== 0;
  }

  complete(response: Uint8Array): void {
    this.running = undefined;
    if (this.leaving) {
      this.leaving = this.granted = false;
      this.idle = true;
      if (this.requested) this.grant();
      return;
    }
    this.buffer.set(response);
    this.done = true;
    this.raise(START);
  }
}
