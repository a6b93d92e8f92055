/** Random sequences, led by the state that the device is expected to be in, so that they get somewhere. */
import { invalidCommand, validCommand } from "../commands.ts";
import type { Random } from "../random.ts";
import type { AccessStep, Step } from "../steps.ts";
import type { CrbModel } from "./model.ts";

type Size = 1 | 2 | 4;
type Steps = Generator<Step, void>;

const REGISTERS = [
  0x00, 0x08, 0x0c, 0x30, 0x34, 0x38, 0x40, 0x44, 0x48, 0x4c, 0x50, 0x54, 0x58, 0x5c, 0x60, 0x64, 0x68, 0x6c,
  0x7c,
];
const LOCALITY_WRITES = [1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 6, 8, 9, 0, 0x11, 0xff];
const REQUEST_WRITES = [1, 1, 1, 1, 2, 2, 3, 0, 0x81, 0x12, 0x100, 0xff];
const START_WRITES = [1, 1, 1, 1, 0, 2, 4, 5, 3, 0x101];
const CANCEL_WRITES = [1, 1, 0, 0, 0x11, 0xff];
const LOCK_WRITES = [0x0008_0000, 0x0002_0000, 0];
const BUFFER = 0x80;
const BUFFER_SIZE = 0xf80;
const HELD_STEPS = 12;

export class CrbGenerator {
  constructor(
    readonly random: Random,
    /** What the device is expected to do; follows the steps as they are taken. */
    readonly model: CrbModel,
  ) {}

  /** A sequence of at least `length` accesses. */
  *sequence(length: number): Steps {
    let left = length;
    while (left > 0) {
      for (const step of this.phrase()) {
        if (step.kind === "access") left--;
        yield step;
      }
    }
  }

  private phrase(): Steps {
    const { random } = this;
    return random.weighted<() => Steps>([
      [110, () => this.one(this.anyAccess())],
      [60, () => this.one(this.control(0x08, LOCALITY_WRITES))],
      [60, () => this.one(this.control(0x40, REQUEST_WRITES))],
      [25, () => this.one(this.control(0x4c, START_WRITES))],
      [15, () => this.one(this.control(0x48, CANCEL_WRITES))],
      [60, () => this.one(this.bufferAccess())],
      [60, () => this.one(this.look())],
      [18, () => this.interrupts()],
      [60, () => this.command()],
      [20, () => this.partOfCommand()],
      [24, () => this.heldCommand()],
      [2, () => this.one(this.control(0x30, LOCK_WRITES))],
      [12, () => this.readBuffer()],
      [3, () => this.longCommand()],
      [1, () => this.one({ kind: "reset" })],
    ])();
  }

  private *one(step: Step): Steps {
    yield step;
  }

  // --- single accesses ---

  private size(): Size {
    return this.random.pick([1, 1, 2, 4, 4] as const);
  }

  private access(address: number, size: Size, value?: number): AccessStep {
    if (value === undefined) return { kind: "access", address, size };
    return { kind: "access", address, size, value: size === 4 ? value >>> 0 : value & (2 ** (8 * size) - 1) };
  }

  private anyAccess(): Step {
    const { random } = this;
    const register = random.chance(90) ? random.pick(REGISTERS) : random.below(0x400) * 4;
    const size = this.size();
    // The page's end is not crossed: what follows it is another device's.
    const address = Math.min(register + (random.chance(70) ? 0 : random.below(4)), 0x1000 - size);
    if (random.chance(60)) return this.access(address, size);
    return this.access(address, size, random.chance(50) ? random.bits() : 1 << random.below(32));
  }

  /** A write to a control register, mostly as drivers do it. */
  private control(register: number, values: readonly number[]): Step {
    const { random } = this;
    const lane = random.chance(94) ? 0 : 1 + random.below(3);
    return this.access(register + lane, random.pick([4, 4, 4, 1, 2]), random.pick(values));
  }

  private look(): Step {
    const { random } = this;
    return this.access(random.pick([0x00, 0x0c, 0x40, 0x44, 0x48, 0x4c, 0x54]), this.size());
  }

  private bufferAddress(size: Size): number {
    const { random } = this;
    const offset = random.weighted([
      [6, random.below(48)],
      [2, random.below(BUFFER_SIZE)],
      [1, BUFFER_SIZE - 1 - random.below(8)],
      [1, -1 - random.below(3)],
    ]);
    return Math.min(BUFFER + offset, 0x1000 - size);
  }

  private bufferAccess(): Step {
    const { random } = this;
    const size = this.size();
    const address = this.bufferAddress(size);
    // The size field mostly stays a command's.
    if (random.chance(50) || (address < BUFFER + 6 && random.chance(70))) return this.access(address, size);
    return this.access(address, size, random.bits());
  }

  private *interrupts(): Steps {
    const { random } = this;
    yield this.access(0x50, 4, random.pick([0x8000_000f, 0x8000_0001, 0x8000_0002, 0x8000_0008, 0x0f, 0]));
    yield this.access(0x54, 4);
    if (random.chance(70)) yield this.access(0x54, this.size(), random.pick([0xff, 1, 2, 8, 0x0f]));
  }

  // --- commands ---

  /** Gets the locality, and a TPM that is ready. */
  private *becomeReady(): Steps {
    const { model, random } = this;
    if (!model.granted) yield this.access(0x08, 4, 1);
    if (model.idle || model.done || random.chance(30)) yield this.access(0x40, 4, 1);
  }

  private *fill(bytes: Uint8Array): Steps {
    const { random } = this;
    for (let at = 0; at < bytes.length; ) {
      const wide = random.chance(40) ? this.size() : 4;
      const size = wide <= bytes.length - at ? wide : 1;
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = ((value << 8) | bytes[at + i]!) >>> 0;
      yield this.access(BUFFER + at, size, value);
      at += size;
      if (random.chance(5)) yield this.look();
    }
  }

  private bytes(): Uint8Array {
    const { random } = this;
    return random.chance(75) ? validCommand(random, "2.0") : invalidCommand(random, "2.0");
  }

  private *command(): Steps {
    const { random } = this;
    yield* this.becomeReady();
    yield* this.fill(this.bytes());
    yield this.access(0x4c, random.pick([4, 4, 1]), 1);
    if (random.chance(80)) yield* this.readBuffer();
    if (random.chance(50)) yield this.access(0x40, 4, 2);
    if (random.chance(30)) yield this.access(0x08, 4, 2);
  }

  private *partOfCommand(): Steps {
    const { random } = this;
    yield* this.becomeReady();
    const bytes = this.bytes();
    yield* this.fill(bytes.subarray(0, 1 + random.below(bytes.length)));
    if (random.chance(50)) yield this.control(0x40, REQUEST_WRITES);
    if (random.chance(50)) yield this.control(0x08, LOCALITY_WRITES);
  }

  /** Accesses while the TPM works; at most so many that they are sent in one go. */
  private *heldCommand(): Steps {
    const { random } = this;
    yield* this.becomeReady();
    yield* this.fill(validCommand(random, "2.0"));
    yield { kind: "hold" };
    yield this.access(0x4c, 4, 1);
    for (let i = 1 + random.below(HELD_STEPS); i > 0; i--) {
      yield random.weighted<() => Step>([
        [3, () => this.control(0x08, LOCALITY_WRITES)],
        [3, () => this.control(0x40, REQUEST_WRITES)],
        [2, () => this.control(0x48, CANCEL_WRITES)],
        [2, () => this.control(0x4c, START_WRITES)],
        [4, () => this.look()],
        [2, () => this.bufferAccess()],
        [1, () => this.anyAccess()],
      ])();
    }
    yield { kind: "settle" };
    for (const register of [0x00, 0x0c, 0x44, 0x4c]) yield this.access(register, 4);
    yield* this.readBuffer();
  }

  /** What lies in the buffer, as far as a response goes, or a little further. */
  private *readBuffer(): Steps {
    const { random, model } = this;
    const declared = ((model.buffer[4]! << 8) | model.buffer[5]!) % 200;
    const end = random.chance(70) ? Math.max(declared, 16) : random.below(64);
    const size = random.chance(50) ? this.size() : undefined;
    for (let at = 0; at < end; ) {
      const width = size ?? this.size();
      yield this.access(BUFFER + at, width);
      at += width;
    }
  }

  /** A command that says to be longer than the buffer, or is as long. */
  private *longCommand(): Steps {
    const { random } = this;
    yield* this.becomeReady();
    const declared = random.pick([
      BUFFER_SIZE,
      BUFFER_SIZE + 1,
      0xfff,
      0x1000,
      0x2000,
      0x8000_0000,
      0xffff_ffff,
    ]);
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setUint32(2, declared);
    bytes.set(
      random.pick([
        [0x80, 1],
        [0x80, 2],
        [0, 0xc1],
        [0, 0xc4],
      ]),
    );
    bytes[9] = 0xff;
    yield* this.fill(bytes);
    yield this.access(0x4c, 4, 1);
    yield* this.readBuffer();
  }
}
