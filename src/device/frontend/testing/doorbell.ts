/**
 * A register interface that is nobody's, for tests of those who carry one: a command is written into plain memory, a
 * doorbell is rung, the response lies where the command was. One locality, other registers, another state.
 */
import type {
  AccessSize,
  FrontEnd,
  FrontEndDevice,
  FrontEndOptions,
  FrontEndView,
  InterfaceMove,
  TpmVersion,
} from "../port.ts";

export const BASE = 0xfed5_0000;
/** Offsets of the registers, 32 bits each, and of the memory behind them. */
export const DOORBELL_REGISTERS = {
  STATUS: 0,
  BELL: 4,
  INT_ENABLE: 8,
  INT_STATUS: 12,
  BUFFER: 0x100,
} as const;
const { STATUS, BELL, INT_ENABLE, INT_STATUS, BUFFER } = DOORBELL_REGISTERS;
export const ALIVE = 0x80;
/** Values of BELL. */
export const RING = { CLAIM: 1, RUN: 2, DONE: 4, CANCEL: 8 } as const;
/** Values of STATUS, beside ALIVE. */
const STATES = ["idle", "ready", "execution", "completion"] as const;
export const [IDLE, READY, EXECUTION, COMPLETION] = [0, 1, 2, 3] as const;

const VERSIONS: readonly TpmVersion[] = ["unspecified", "1.2", "2.0"];
const WORDS = 8;
const [VERSION, STATE, ENABLE, PENDING, ESTABLISHED] = [0, 1, 2, 3, 4] as const;
const BUFFER_BYTES = 2048;
const STATE_BYTES = 4 * WORDS + BUFFER_BYTES;
const WINDOW = BUFFER + BUFFER_BYTES;

const map = (memory: ArrayBufferLike) => ({
  words: new Int32Array(memory, 0, WORDS),
  buffer: new Uint8Array(memory, 4 * WORDS, BUFFER_BYTES),
});

class DoorbellView implements FrontEndView {
  readonly #words: Int32Array;
  readonly #buffer: Uint8Array;
  constructor(memory: ArrayBufferLike) {
    const { words, buffer } = map(memory);
    this.#words = words;
    this.#buffer = buffer;
  }
  get version() {
    return VERSIONS[this.#words[VERSION]!]!;
  }
  get activeLocality() {
    return this.#words[STATE] === IDLE ? -1 : 0;
  }
  state() {
    return STATES[this.#words[STATE]!]!;
  }
  get irqRaised() {
    return this.#words[PENDING] !== 0;
  }
  get interruptsEnabled() {
    return this.#words[ENABLE] !== 0;
  }
  peek(address: number, size: AccessSize): number {
    const offset = (address - BASE) >>> 0;
    if (this.version === "unspecified") return 0;
    let value = 0;
    for (let i = 0; i < size; i++) value |= this.#byte(offset + i) << (8 * i);
    return value >>> 0;
  }
  #byte(offset: number): number {
    if (offset >= BUFFER && offset < WINDOW) return this.#buffer[offset - BUFFER]!;
    const words = this.#words;
    const register: Record<number, number> = {
      [STATUS]: ALIVE | words[STATE]!,
      [INT_ENABLE]: words[ENABLE]!,
      [INT_STATUS]: words[PENDING]!,
    };
    return ((register[offset & ~3] ?? 0) >>> (8 * (offset & 3))) & 0xff;
  }
}

export class DoorbellDevice implements FrontEndDevice {
  readonly view: DoorbellView;
  readonly #words: Int32Array;
  readonly #buffer: Uint8Array;
  readonly #sink: FrontEndOptions["sink"];
  #listener: ((move: InterfaceMove) => void) | undefined;
  ticket = 0;

  constructor({ sink, memory = new ArrayBuffer(STATE_BYTES) }: FrontEndOptions) {
    const { words, buffer } = map(memory);
    this.#words = words.fill(0);
    this.#buffer = buffer.fill(0);
    this.#sink = sink;
    this.view = new DoorbellView(memory);
  }
  get executing() {
    return this.#words[STATE] === EXECUTION;
  }
  isPureRead() {
    return true;
  }
  bytesTaken() {
    return undefined;
  }
  read(address: number, size: AccessSize): number {
    return this.view.peek(address, size);
  }
  write(address: number, size: AccessSize, value: number): void {
    const words = this.#words;
    const offset = (address - BASE) >>> 0;
    if (this.view.version === "unspecified") return;
    if (offset >= BUFFER && offset + size <= WINDOW) {
      for (let i = 0; i < size && words[STATE] === READY; i++)
        this.#buffer[offset - BUFFER + i] = value >>> (8 * i);
    } else if (offset === INT_ENABLE) words[ENABLE] = value & 1;
    else if (offset === INT_STATUS) this.#pend(words[PENDING]! & ~value);
    else if (offset === BELL) this.#ring(value);
  }
  #ring(value: number): void {
    const state = this.#words[STATE];
    if (value === RING.CLAIM && state === IDLE) this.#move(READY);
    else if (value === RING.DONE && state !== EXECUTION) this.#move(IDLE);
    else if (value === RING.CANCEL && state === EXECUTION) this.#sink.cancel();
    else if (value === RING.RUN && state === READY) {
      const size = new DataView(this.#buffer.buffer, this.#buffer.byteOffset).getUint32(2);
      this.ticket++;
      this.#move(EXECUTION);
      this.#sink.execute(0, this.#buffer.slice(0, Math.min(size, BUFFER_BYTES)));
    }
  }
  #move(state: number): void {
    const from = this.view.state();
    this.#words[STATE] = state;
    const to = this.view.state();
    this.#listener?.({ kind: "state", locality: 0, event: to, from, to, access: undefined });
  }
  #pend(pending: number): void {
    const before = this.view.irqRaised;
    this.#words[PENDING] = pending;
    if (this.view.irqRaised !== before) this.#sink.irq(!before);
  }
  complete(response: Uint8Array, ticket = this.ticket): boolean {
    if (!this.executing || ticket !== this.ticket) return false;
    this.#buffer.set(response.subarray(0, BUFFER_BYTES));
    this.#move(COMPLETION);
    if (this.#words[ENABLE]) this.#pend(1);
    return true;
  }
  reset(): void {
    this.ticket++;
    this.#buffer.fill(0);
    this.#words[ENABLE] = 0;
    this.#pend(0);
    this.#move(IDLE);
  }
  fail(): void {
    this.setVersion("unspecified");
  }
  setVersion(version: TpmVersion): void {
    this.#words[VERSION] = VERSIONS.indexOf(version);
    this.reset();
  }
  setEstablishment(established: boolean): void {
    this.#words[ESTABLISHED] = established ? 1 : 0;
  }
  setBufferSize(): void {}
  snapshot() {
    const { version: tpmVersion } = this.view;
    return {
      format: "doorbell",
      formatVersion: 1,
      tpmVersion,
      state: Array.from(this.#words),
      bytes: this.#buffer.slice(),
    };
  }
  restore(snapshot: unknown): void {
    const { format, state, bytes } = snapshot as ReturnType<DoorbellDevice["snapshot"]>;
    if (format !== "doorbell") throw new RangeError(`this is no doorbell's snapshot: ${format}`);
    this.ticket++;
    const [pending, words] = [state[PENDING]!, state];
    this.#words.set(words.with(PENDING, this.#words[PENDING]!));
    this.#buffer.set(bytes);
    this.#pend(pending);
  }
  mirror(memory: ArrayBufferLike): void {
    const { words, buffer } = map(memory);
    this.ticket++;
    this.#words.set(words);
    this.#buffer.set(buffer);
  }
  watchMoves(listener: ((move: InterfaceMove) => void) | undefined): void {
    this.#listener = listener;
  }
}

const at = (offset: number) => BASE + offset;

export const DOORBELL: FrontEnd = {
  name: "doorbell",
  window: { base: BASE, size: WINDOW },
  localities: 1,
  stateBytes: STATE_BYTES,
  create: (options) => new DoorbellDevice(options),
  driver: {
    obstacle(device) {
      const status = device.read(at(STATUS), 4);
      if (status === 0) return "dead";
      return status === (ALIVE | IDLE) ? undefined : "somebody has the doorbell";
    },
    send(device, command) {
      device.write(at(BELL), 4, RING.CLAIM);
      command.forEach((byte, i) => {
        device.write(at(BUFFER + i), 1, byte);
      });
      device.write(at(BELL), 4, RING.RUN);
    },
    answered: (device) => device.read(at(STATUS), 4) === (ALIVE | COMPLETION),
    take(device) {
      const byte = (i: number) => device.read(at(BUFFER + i), 1);
      const size = (byte(2) << 24) | (byte(3) << 16) | (byte(4) << 8) | byte(5);
      return size >= 10 && size <= BUFFER_BYTES
        ? Uint8Array.from({ length: size }, (_, i) => byte(i))
        : undefined;
    },
    release: (device) => device.write(at(BELL), 4, RING.DONE),
  },
};
