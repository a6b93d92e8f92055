/** Random sequences of accesses as guests, and worse, make them; each step is checked by the oracle. */
import {
  type AccessSize,
  LOCALITIES,
  type MmioDevice,
  TIS_BASE,
  type TpmVersion,
} from "../../../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../../../device/tis/registers.ts";
import { echo } from "./echo-tpm.ts";
import { Oracle } from "./oracle.ts";

/** A device to be tested, wherever it is. */
export interface DeviceUnderTest extends MmioDevice {
  reset(): void;
}

export interface SequenceOptions {
  version: Exclude<TpmVersion, "unspecified">;
  /** How many accesses there are, at least. */
  accesses: number;
  /**
   * What else must have been seen before the walk ends: how far a number of accesses gets depends on when the other
   * thread answers. The caller bounds the time.
   */
  seen?: Partial<Omit<SequenceResult, "accesses">>;
  seed: number;
  /** Lets other threads and the event loop run, now and then. */
  pause(): Promise<void>;
}

export interface SequenceResult {
  accesses: number;
  /** Commands whose whole response was read. */
  commands: number;
  /** Response bytes seen. */
  bytes: number;
  /** How many states the device could have been in, at most. */
  ambiguity: number;
}

/** The device showed what it cannot have. */
export class MismatchError extends Error {
  override name = "MismatchError";
}

/** mulberry32: small, and the same everywhere. */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below) >>> 0;
  };
}

const SIZES = [1, 2, 4] as const;
const LOCALITY_SIZE = 0x1000;
/** Accesses remembered for the message of a mismatch. */
const HISTORY = 40;

class Walk {
  readonly result: SequenceResult = { accesses: 0, commands: 0, bytes: 0, ambiguity: 1 };
  readonly #device: DeviceUnderTest;
  readonly #options: SequenceOptions;
  readonly #oracle: Oracle;
  readonly #random: (below: number) => number;
  readonly #history: string[] = [];

  constructor(device: DeviceUnderTest, options: SequenceOptions) {
    this.#device = device;
    this.#options = options;
    this.#oracle = new Oracle(options.version, echo);
    this.#random = randomNumbers(options.seed);
  }

  async run(): Promise<SequenceResult> {
    const { accesses, seen = {}, pause } = this.#options;
    const enough = () => {
      this.result.ambiguity = this.#oracle.most;
      const { commands = 0, bytes = 0, ambiguity = 0 } = seen;
      return (
        this.result.accesses >= accesses &&
        this.result.commands >= commands &&
        this.result.bytes >= bytes &&
        this.result.ambiguity >= ambiguity
      );
    };
    while (!enough()) {
      const kind = this.#random(100);
      if (kind < 35) this.#noise();
      else if (kind < 93) await this.#command();
      else if (kind < 98) await pause();
      else this.#reset();
    }
    return this.result;
  }

  #address(register: number, locality: number): number {
    return (TIS_BASE + locality * LOCALITY_SIZE + register) >>> 0;
  }

  #read(register: number, size: AccessSize, locality: number): number {
    const address = this.#address(register, locality);
    const value = this.#device.read(address, size);
    const expected = this.#oracle.read(address, size, value);
    this.#note(`read${8 * size} ${locality}:${register.toString(16)} = ${value.toString(16)}`);
    if (expected) {
      const wanted = expected.map((v) => v.toString(16)).join(" or ");
      throw new MismatchError(
        `seed ${this.#options.seed}, access ${this.result.accesses}: expected ${wanted}\n${this.#history.join("\n")}`,
      );
    }
    return value;
  }

  #write(register: number, size: AccessSize, value: number, locality: number): void {
    const address = this.#address(register, locality);
    this.#device.write(address, size, value);
    this.#oracle.write(address, size, value);
    this.#note(`write${8 * size} ${locality}:${register.toString(16)} ${value.toString(16)}`);
  }

  #note(line: string): void {
    this.result.accesses++;
    this.#history.push(line);
    if (this.#history.length > HISTORY) this.#history.shift();
  }

  #reset(): void {
    this.#device.reset();
    this.#oracle.reset();
    this.#note("reset");
  }

  /** Any register, any size, any alignment, any value. */
  #noise(): void {
    const random = this.#random;
    const registers = Object.values(REGISTERS);
    for (let left = 1 + random(12); left > 0; left--) {
      const { offset } = registers[random(registers.length)]!;
      const size = SIZES[random(3)]!;
      const register = offset + (random(4) === 0 ? random(4) : 0);
      const locality = random(LOCALITIES);
      if (random(2) === 0) this.#read(register, size, locality);
      else this.#write(register, size, random(3) === 0 ? random(2 ** 32) : 1 << random(8), locality);
    }
  }

  /** A driver's way through a command, with mishaps. */
  async #command(): Promise<void> {
    const random = this.#random;
    const locality = random(3) === 0 ? random(4) : 0;
    if (random(3) > 0) this.#releaseAll();
    this.#write(REGISTERS.ACCESS.offset, 1, ACCESS.REQUEST_USE, locality);
    if (random(4) === 0) this.#write(REGISTERS.ACCESS.offset, 1, ACCESS.SEIZE, locality);
    this.#write(REGISTERS.STS.offset, 1, STS.COMMAND_READY, locality);
    if (random(2) === 0) this.#read(REGISTERS.STS.offset, 4, locality);
    this.#fill(locality);
    this.#write(REGISTERS.STS.offset, 1, STS.TPM_GO, locality);
    if (random(8) === 0) this.#write(REGISTERS.STS.offset, 1, STS.COMMAND_READY, locality);
    if (random(8) === 0) return;
    await this.#takeResponse(locality);
    if (random(3) > 0) this.#write(REGISTERS.STS.offset, 1, STS.COMMAND_READY, locality);
    if (random(3) > 0) this.#write(REGISTERS.ACCESS.offset, 1, ACCESS.ACTIVE_LOCALITY, locality);
  }

  /** As SeaBIOS does before it asks for a locality. */
  #releaseAll(): void {
    for (let locality = LOCALITIES - 1; locality >= 0; locality--) {
      this.#write(REGISTERS.ACCESS.offset, 1, ACCESS.ACTIVE_LOCALITY, locality);
    }
  }

  #fill(locality: number): void {
    const random = this.#random;
    const length = 10 + random(60);
    const declared = random(10) === 0 ? random(100) : length;
    const tag = this.#options.version === "2.0" ? [0x80, 0x01] : [0x00, 0xc1];
    const bytes = [
      ...tag,
      0,
      0,
      declared >> 8,
      declared & 0xff,
      ...Array.from({ length: 64 }, () => random(256)),
    ];
    for (let at = 0; at < length; ) {
      const size = SIZES[random(3)]!;
      const value = bytes.slice(at, at + size).reduce((word, byte, i) => word + byte * 2 ** (8 * i), 0);
      this.#write(
        random(4) === 0 ? REGISTERS.XDATA_FIFO.offset : REGISTERS.DATA_FIFO.offset,
        size,
        value,
        locality,
      );
      if (random(12) === 0) this.#read(REGISTERS.STS.offset, SIZES[random(3)]!, locality);
      at += size;
    }
  }

  /** Polls, reads, asks again, stops half way. */
  async #takeResponse(locality: number): Promise<void> {
    const random = this.#random;
    const { STS: status, DATA_FIFO } = REGISTERS;
    for (let polls = 0; !(this.#read(status.offset, 1, locality) & STS.DATA_AVAIL); polls++) {
      // A TPM that has a command for certain answers, however late: how often it is asked must not matter.
      if (this.#oracle.executing) this.result.accesses--;
      else if (polls > 30) return;
      if (polls > 3) await this.#options.pause();
    }
    for (let size: AccessSize; this.#read(status.offset, 4, locality) & STS.DATA_AVAIL; ) {
      for (let run = random(40); run >= 0; run--) {
        size = SIZES[random(3)]!;
        this.#read(random(4) === 0 ? REGISTERS.XDATA_FIFO.offset : DATA_FIFO.offset, size, locality);
        this.result.bytes += size;
      }
      if (random(20) === 0) this.#write(status.offset, 1, STS.RESPONSE_RETRY, locality);
      if (random(40) === 0) return;
    }
    this.result.commands++;
  }
}

/** @throws {MismatchError} naming the seed and the last accesses. */
export function walk(device: DeviceUnderTest, options: SequenceOptions): Promise<SequenceResult> {
  return new Walk(device, options).run();
}
