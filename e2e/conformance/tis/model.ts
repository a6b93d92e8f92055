/**
 * A second, independent description of the register interface, to predict what QEMU answers and what the device
 * answers. It is written from the observed behaviour of QEMU and shares no code with the device; each wanted
 * difference is a branch on its identifier, taken or not taken by `quirks`.
 */
import type { DifferenceId } from "../../../src/device/tis/differences.ts";
import type { Model, Running, Version } from "../interface.ts";

type State = "idle" | "ready" | "reception" | "execution" | "completion";

interface Locality {
  state: State;
  sts: number;
  active: boolean;
  seized: boolean;
  seizing: boolean;
  requests: boolean;
  enable: number;
  pending: number;
}

const FLAGS_AFTER_RESET = { active: false, seized: false, seizing: false, requests: false };
const AFTER_RESET: Locality = { ...FLAGS_AFTER_RESET, state: "idle", sts: 0, enable: 8, pending: 0 };
const SIZE = 4096;
const NOBODY = -1;
const be32 = (bytes: Uint8Array, at: number) =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;

export class TisModel implements Model {
  localities: Locality[] = [];
  owner = NOBODY;
  loser = NOBODY;
  next = NOBODY;
  offset = 0;
  buffer = new Uint8Array(SIZE);
  locked = false;
  selfTested = false;
  irq = false;
  /** What the TPM works on; `complete` ends it. */
  running: Running | undefined;
  /** The TPM will never answer: QEMU has sent it less than it reads. */
  wedged = false;
  /** Counts what goes to the TPM's control channel, where QEMU waits for swtpm. */
  controlCalls = 0;

  /**
   * @param quirks the differences in which this model behaves as QEMU does.
   * @param note told whenever a wanted difference makes itself felt.
   */
  constructor(
    readonly version: Version,
    readonly quirks: boolean,
    readonly note: (id: DifferenceId) => void,
  ) {
    this.reset();
  }

  reset(): void {
    this.localities = Array.from({ length: 5 }, () => ({ ...AFTER_RESET }));
    this.owner = this.loser = this.next = NOBODY;
    this.offset = 0;
    this.locked = this.selfTested = this.wedged = false;
    this.running = undefined;
    if (this.irq && this.differs("reset-lowers-irq")) this.irq = false;
  }

  /** @returns true where this model goes the device's way and not QEMU's; notes that it matters. */
  private differs(id: DifferenceId): boolean {
    this.note(id);
    return !this.quirks;
  }

  /** Everything that shows in registers, now or later, by parts: equal parts behave alike. */
  parts(): Record<string, string> {
    const { localities, owner, loser, next, offset, running, wedged } = this;
    const buffer = Buffer.from(this.buffer.subarray(0, this.bytesInUse())).toString("base64");
    return {
      ...Object.fromEntries(localities.map((locality, number) => [number, JSON.stringify(locality)])),
      owner: [owner, loser, next].join(),
      transfer: `${offset} ${buffer}`,
      command: JSON.stringify([running && [running.locality, ...running.command], wedged]),
      flags: [this.locked, this.selfTested].join(),
    };
  }

  /** Bytes at the buffer's begin that somebody may still read or complete. */
  private bytesInUse(): number {
    const states = this.localities.map(({ state }) => state);
    if (states.includes("completion")) return this.responseEnd();
    return states.includes("reception") || states.includes("ready") ? this.offset : 0;
  }

  /** A copy that tells nobody what it notes. */
  clone(): TisModel {
    const copy = new TisModel(this.version, this.quirks, () => undefined);
    return Object.assign(copy, {
      ...this,
      note: copy.note,
      buffer: this.buffer.slice(),
      localities: this.localities.map((locality) => ({ ...locality })),
    });
  }

  /**
   * True for an access that this model says nothing about: one to the command's or response's bytes while another
   * command runs (QEMU's other thread may write the response there at any time), or a write that would send less
   * than a header.
   */
  isBeyond(address: number, size: number, value: number | undefined, shortAllowed: boolean): boolean {
    const locality = address >> 12;
    const own = this.localities[locality];
    if (!own || this.owner !== locality) return false;
    const first = address & 0xfff;
    const touches = (begin: number, end: number) => first < end && first + size > begin;
    const fifo = touches(0x24, 0x28) || touches(0x80, 0xc0);
    const status = touches(0x18, 0x1c);
    const busy = this.executing() >= 0;
    if (value === undefined) return busy && own.state === "completion" && (fifo || status);
    if (fifo) return busy && (own.state === "ready" || (own.sts & 0x08) !== 0);
    if (!touches(0x18, 0x19) || own.state !== "reception" || own.sts & 0x08) return false;
    const go = ((value >>> (8 * (0x18 - first))) & 0x62) === 0x20;
    return go && (busy || (this.offset < 10 && !shortAllowed));
  }

  // --- reads ---

  read(address: number, size: number): number {
    return this.pieces(address, size, (at, piece) => this.readPiece(at, piece));
  }

  /** Cuts an access into naturally aligned pieces, and puts the values together again. */
  private pieces(
    address: number,
    size: number,
    piece: (at: number, size: number, done: number) => number,
  ): number {
    let value = 0n;
    for (let done = 0; done < size; ) {
      const at = address + done;
      let part = size - done >= 4 ? 4 : size - done >= 2 ? 2 : 1;
      while (at % part) part /= 2;
      value |= BigInt(piece(at, part, done)) << BigInt(8 * done);
      done += part;
    }
    return Number(value);
  }

  private readPiece(at: number, size: number): number {
    const locality = at >> 12;
    const register = at & 0xffc;
    const mask = size === 4 ? 0xffff_ffffn : size === 2 ? 0xffffn : 0xffn;
    if (register === 0x24 || (register >= 0x80 && register < 0xc0))
      return this.readFifo(locality, size, mask);
    const word = BigInt(this.readWord(locality, register, size));
    return Number((word >> BigInt(8 * (at & 3))) & mask);
  }

  private readWord(locality: number, register: number, size: number): number {
    const own = this.localities[locality]!;
    const two = this.version === "2.0";
    switch (register) {
      case 0x00: {
        const asked = this.localities.some((other, number) => number !== locality && other.requests);
        const bits = [own.active && 0x20, own.seized && 0x10, asked && 0x04, own.requests && 0x02];
        return bits.reduce<number>((sum, bit) => sum + Number(bit), 0x81);
      }
      case 0x08:
        return own.enable >>> 0;
      case 0x0c:
        return 5;
      case 0x10:
        return own.pending;
      case 0x14:
        return two ? 0x3000_0697 : 0x2000_0697;
      case 0x18:
        return this.readStatus(locality, size);
      case 0x30:
        if (!two) return 0xffff_ffff;
        return this.locked ? 0x0008_2100 : 0x2100;
      case 0xf00:
        return 0x0001_1014;
      case 0xf04:
        return 1;
      default:
        return 0xffff_ffff;
    }
  }

  private responseEnd(): number {
    return Math.min(be32(this.buffer, 2), SIZE);
  }

  private readStatus(locality: number, size: number): number {
    if (this.owner !== locality) return 0xffff_ffff;
    const { sts } = this.localities[locality]!;
    const family = this.version === "2.0" ? 0x0400_0000 : 0;
    const selfTest = this.selfTested ? 4 : 0;
    let burst = SIZE - this.offset;
    if (sts & 0x10) burst = this.responseEnd() - this.offset;
    else if (size === 1 && burst > 0xff) burst = 0xff;
    return ((burst << 8) | family | sts | selfTest) >>> 0;
  }

  private readFifo(locality: number, size: number, mask: bigint): number {
    if (this.owner !== locality) return Number(mask);
    let value = 0n;
    for (let i = 0; i < size; i++) value |= BigInt(this.nextResponseByte(locality)) << BigInt(8 * i);
    return Number(value);
  }

  private nextResponseByte(locality: number): number {
    const own = this.localities[locality]!;
    if (own.state !== "completion" || !(own.sts & 0x10)) return 0xff;
    const byte = this.buffer[this.offset++]!;
    if (this.offset >= this.responseEnd()) {
      own.sts = 0x80;
      this.interrupt(locality, 2);
    }
    return byte;
  }

  // --- writes ---

  write(address: number, size: number, value: number): void {
    this.pieces(address, size, (at, part, done) => {
      const mask = part === 4 ? 0xffff_ffff : part === 2 ? 0xffff : 0xff;
      this.writePiece(at, part, ((value >>> (8 * done)) & mask) >>> 0);
      return 0;
    });
  }

  private writePiece(at: number, size: number, value: number): void {
    const locality = at >> 12;
    const register = at & 0xffc;
    if (locality === 4) return;
    if (register === 0x24 || (register >= 0x80 && register < 0xc0)) {
      if (this.owner === locality) this.writeFifo(locality, size, value);
      return;
    }
    const shift = 8 * (at & 3);
    const word = (value << shift) >>> 0;
    const own = this.localities[locality]!;
    if (register === 0x00) this.writeAccess(locality, word);
    else if (register === 0x30 && word & 0x0008_0000) this.locked = true;
    else if (this.owner !== locality) return;
    else if (register === 0x18) this.writeStatus(locality, word);
    else if (register === 0x08) {
      const lanes = ((size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1) << shift) >>> 0;
      own.enable = (own.enable & ~lanes) | (word & 0x8000_009f);
    } else if (register === 0x10) {
      const cleared = own.pending & word & 0x87;
      own.pending &= ~word | ~0x87;
      if (own.pending === 0 && cleared !== 0) this.irq = false;
    }
  }

  private writeAccess(locality: number, value: number): void {
    const own = this.localities[locality]!;
    const seize = Boolean(value & 0x08);
    const giveUp = Boolean(value & 0x20) && !seize;
    const ask = Boolean(value & 0x02) && !seize;
    let release = false;
    if (giveUp && this.owner === locality) {
      const waiting = this.localities.findLastIndex(({ requests }) => requests);
      if (waiting >= 0) this.abort(waiting);
      else release = true;
    } else if (giveUp) own.requests = false;
    if (value & 0x10) own.seized = false;
    if (seize && locality > this.owner && !this.localities.slice(locality).some(({ seizing }) => seizing)) {
      for (const lower of this.localities.slice(0, locality)) lower.seizing = false;
      own.seizing = true;
      this.abort(locality);
    }
    if (ask && this.owner === NOBODY) this.give(locality);
    else if (ask && this.owner !== locality) own.requests = true;
    if (release) this.give(NOBODY);
  }

  private executing(): number {
    return this.localities.findIndex(({ state }) => state === "execution");
  }

  /** The TPM goes to `next`, after the running command where there is one. */
  private abort(next: number): void {
    this.loser = this.owner;
    this.next = next;
    if (this.executing() >= 0) this.controlCalls++;
    else this.finishAbort();
  }

  private finishAbort(): void {
    const { next } = this;
    this.offset = 0;
    if (this.loser === next) {
      this.set(next, "ready", 0x40);
      this.interrupt(next, 0x80);
    }
    this.next = this.loser = NOBODY;
    this.give(next);
  }

  private give(to: number): void {
    const from = this.owner;
    if (from !== to && from !== NOBODY) {
      const old = this.localities[from]!;
      old.active = false;
      if (to !== NOBODY && this.localities[to]!.seizing) old.seized = true;
      else old.requests = false;
      if (old.state === "ready" && this.differs("ready-given-up")) this.set(from, "idle", 0);
      if (old.state === "reception" && this.differs("half-command-dropped")) {
        this.set(from, "idle", 0);
        this.offset = 0;
      }
    }
    this.owner = to;
    if (to === NOBODY) return;
    const own = this.localities[to]!;
    own.active = true;
    own.requests = own.seizing = false;
    if (from !== to) this.interrupt(to, 4);
  }

  private set(locality: number, state: State, sts: number): void {
    this.localities[locality]!.state = state;
    this.localities[locality]!.sts = sts;
  }

  private interrupt(locality: number, bits: number): void {
    const own = this.localities[locality]!;
    if (own.enable >= 0 || !(own.enable & bits)) return;
    own.pending |= bits;
    this.irq = true;
  }

  private writeStatus(locality: number, value: number): void {
    const { state, sts } = this.localities[locality]!;
    if (this.version === "2.0") {
      if (value & (1 << 24) && state === "execution") this.controlCalls++;
      if (value & (1 << 25) && locality === 3) this.controlCalls++;
    }
    switch (value & 0x62) {
      case 0x40:
        this.commandReady(locality);
        break;
      case 0x20:
        if (state === "reception" && !(sts & 0x08)) this.go(locality);
        break;
      case 0x02:
        if (state === "completion") {
          this.offset = 0;
          this.set(locality, "completion", 0x90);
        }
        break;
    }
  }

  private commandReady(locality: number): void {
    const { state } = this.localities[locality]!;
    if (state === "execution" || state === "reception") {
      this.abort(locality);
      return;
    }
    if (state !== "idle") this.offset = 0;
    if (state === "ready") return;
    this.set(locality, "ready", 0x40);
    this.interrupt(locality, 0x80);
  }

  private go(locality: number): void {
    this.set(locality, "execution", 0x80);
    const command = this.buffer.slice(0, this.offset);
    this.running = { locality, command };
    const short = command.length < 10;
    if (!short && be32(command, 2) === command.length) return;
    this.running.response = this.wrongSize();
    if (this.differs(short ? "short-command" : "wrong-size-stays-here")) this.complete(this.running.response);
    else this.wedged = short;
  }

  /** What a TPM answers to the command in the buffer, the size of which is wrong. */
  private wrongSize(): Uint8Array {
    const tag = (this.buffer[0]! << 8) | this.buffer[1]!;
    if (this.version === "1.2") return Uint8Array.of(0, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x19);
    const attestation = tag === 0xc4 || tag === 0x8000 || (tag >= 0x8014 && tag <= 0x801a);
    const ticket = tag >= 0x8021 && tag <= 0x8025;
    let code = attestation || ticket ? [0, 0x1e] : [0, 0x84];
    if (tag === 0x8001 || tag === 0x8002) code = [0x01, 0x42];
    return Uint8Array.of(0x80, 0x01, 0, 0, 0, 10, 0, 0, ...code);
  }

  // --- FIFO and the TPM's answer ---

  private writeFifo(locality: number, size: number, value: number): void {
    const own = this.localities[locality]!;
    if (own.state === "ready") {
      this.takeBuffer(locality);
      this.set(locality, "reception", 0x88);
    }
    if (own.state !== "reception" || !(own.sts & 0x08)) return;
    for (let i = 0; i < size && own.sts & 0x08; i++) {
      if (this.offset < SIZE) this.buffer[this.offset++] = value >>> (8 * i);
      else own.sts = 0x80;
    }
    if (this.offset < 6 || !(own.sts & 0x08)) return;
    const declared = be32(this.buffer, 2);
    const low = declared & 0xffff;
    if (low <= this.offset && declared > this.offset && this.differs("size-of-32-bits")) return;
    if (low <= this.offset) own.sts = 0x80;
  }

  private takeBuffer(locality: number): void {
    const others = this.localities.filter((other, number) => number !== locality && other.state !== "idle");
    if (this.offset === 0 && others.length === 0) return;
    if (!this.differs("buffer-taken")) return;
    this.offset = 0;
    for (const other of others) {
      other.state = "idle";
      other.sts = 0;
    }
  }

  /** The TPM has answered. */
  complete(response: Uint8Array): void {
    const { locality, command } = this.running!;
    this.running = undefined;
    if (this.version === "1.2" && be32(command, 6) === 0x53 && be32(response, 6) === 0)
      this.selfTested = true;
    this.buffer.set(response);
    this.offset = 0;
    const seized = this.next !== NOBODY && this.next !== locality && this.owner === locality;
    const dropped = seized && this.localities[this.next]!.seizing && this.differs("seize-drops-response");
    if (dropped) this.set(locality, "idle", 0);
    else this.set(locality, "completion", 0x90);
    if (this.next !== NOBODY) this.finishAbort();
    if (!dropped) this.interrupt(locality, 3);
  }
}
