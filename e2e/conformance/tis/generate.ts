/** Random sequences, led by the state that the device is expected to be in, so that they get somewhere. */
import { invalidCommand, validCommand } from "../commands.ts";
import type { Random } from "../random.ts";
import type { AccessStep, Step } from "../steps.ts";
import type { TisModel } from "./model.ts";

type Size = 1 | 2 | 4;
type Steps = Generator<Step, void>;

const REGISTERS = [0x00, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x24, 0x30, 0x80, 0xbc, 0xf00, 0xf04];
const ACCESS_WRITES = [
  0x02, 0x02, 0x20, 0x20, 0x08, 0x08, 0x10, 0x22, 0x0a, 0x28, 0x12, 0x30, 0x18, 0x2a, 0x00, 0xff,
];
const STS_WRITES = [0x40, 0x40, 0x40, 0x20, 0x20, 0x02, 0x60, 0x42, 0x00, 0xff, 0x80];
/** commandCancel and resetEstablishmentBit. */
const STS_HIGH_WRITES = [0x0100_0000, 0x0200_0000, 0x0300_0000, 0x0100_0040, 0x0200_0020];
const HELD_STEPS = 12;

export class SequenceGenerator {
  constructor(
    readonly random: Random,
    /** What the device is expected to do; follows the steps as they are taken. */
    readonly model: TisModel,
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
      [120, () => this.one(this.anyAccess())],
      [75, () => this.one(this.writeAccess())],
      [45, () => this.one(this.writeStatus())],
      [45, () => this.one(this.lookAtOwner())],
      [18, () => this.interrupts()],
      [48, () => this.command()],
      [18, () => this.partOfCommand()],
      [24, () => this.heldCommand()],
      [12, () => this.readResponse()],
      [12, () => this.tour()],
      [1, () => this.powerCycle()],
      [1, () => this.overflow()],
    ])();
  }

  private *one(step: Step): Steps {
    yield step;
  }

  private *powerCycle(): Steps {
    // swtpm takes long to start a TPM 1.2.
    if (this.model.version === "2.0" || this.random.chance(30)) yield { kind: "reset" };
  }

  // --- single accesses ---

  private size(): Size {
    return this.random.pick([1, 1, 1, 2, 4, 4] as const);
  }

  /** The owner most of the time, since the others have little to say. */
  private locality(): number {
    const { random, model } = this;
    return model.owner >= 0 && random.chance(70) ? model.owner : random.below(5);
  }

  private access(locality: number, register: number, size: Size, value?: number): AccessStep {
    const address = locality * 0x1000 + register;
    // The difference "dynamic-launch": QEMU's TPM would not have what this one measures.
    if (locality === 4 && (register & 0xffc) >= 0x20 && (register & 0xffc) <= 0x28)
      return { kind: "access", address, size };
    if (value === undefined) return { kind: "access", address, size };
    return { kind: "access", address, size, value: size === 4 ? value >>> 0 : value & (2 ** (8 * size) - 1) };
  }

  private anyAccess(): Step {
    const { random } = this;
    const register = random.chance(85) ? random.pick(REGISTERS) : random.below(0x400) * 4;
    const size = this.size();
    const lane = random.chance(70) ? 0 : random.below(4);
    // The window's end is not crossed: what follows it is another device's.
    const offset = Math.min(register + lane, 0x1000 - size);
    if (random.chance(60)) return this.access(this.locality(), offset, size);
    const value = random.chance(50) ? random.bits() : 1 << random.below(32);
    return this.access(this.locality(), offset, size, value);
  }

  private writeAccess(): Step {
    const { random } = this;
    const locality = random.chance(85) ? random.below(4) : 4;
    return this.access(locality, 0, random.chance(85) ? 1 : this.size(), random.pick(ACCESS_WRITES));
  }

  private writeStatus(): Step {
    const { random } = this;
    if (random.chance(10)) return this.access(this.locality(), 0x18, 4, random.pick(STS_HIGH_WRITES));
    if (random.chance(5)) return this.access(this.locality(), 0x1b, 1, 1 + random.below(3));
    return this.access(this.locality(), 0x18, random.chance(80) ? 1 : 4, random.pick(STS_WRITES));
  }

  private lookAtOwner(): Step {
    const { random } = this;
    if (random.chance(30)) return this.access(random.below(5), 0, 1);
    const size = this.size();
    return this.access(this.locality(), 0x18 + (size === 4 ? 0 : random.below(5 - size)), size);
  }

  private *interrupts(): Steps {
    const { random } = this;
    const locality = this.locality();
    yield this.access(
      locality,
      0x08,
      4,
      random.pick([0x8000_009f, 0x8000_0001, 0x8000_0080, 0x8000_0006, 0x9f]),
    );
    yield this.access(locality, 0x10, 4);
    if (random.chance(70))
      yield this.access(locality, 0x10, 1, random.pick([0xff, 0x87, 0x80, 0x03, 0x01, 0x02]));
  }

  // --- commands ---

  /** Gets some locality the TPM, in state ready. */
  private *becomeReady(): Steps {
    const { model, random } = this;
    if (model.owner < 0) yield this.access(random.below(4), 0, 1, 0x02);
    if (model.owner >= 0) yield this.access(model.owner, 0x18, 1, 0x40);
  }

  private *fill(bytes: Uint8Array): Steps {
    const { random, model } = this;
    const { owner } = model;
    for (let at = 0; at < bytes.length; ) {
      const wide = random.chance(30) ? this.size() : random.pick([1, 4] as const);
      const size = wide <= bytes.length - at ? wide : 1;
      const window = random.chance(80) ? 0x24 : 0x80 + 4 * random.below(16);
      const lane = size === 4 ? 0 : random.below(5 - size) & ~(size - 1);
      let value = 0;
      for (let i = size - 1; i >= 0; i--) value = ((value << 8) | bytes[at + i]!) >>> 0;
      yield this.access(owner, window + lane, size, value);
      at += size;
      if (random.chance(5)) yield this.lookAtOwner();
    }
  }

  private bytes(): Uint8Array {
    const { random, model } = this;
    return random.chance(70) ? validCommand(random, model.version) : invalidCommand(random, model.version);
  }

  private *command(): Steps {
    yield* this.becomeReady();
    if (this.model.owner < 0) return;
    yield* this.fill(this.bytes());
    yield this.access(this.model.owner, 0x18, 1, 0x20);
    if (this.random.chance(85)) yield* this.readResponse();
    if (this.random.chance(50)) yield this.access(Math.max(this.model.owner, 0), 0x18, 1, 0x40);
  }

  private *partOfCommand(): Steps {
    yield* this.becomeReady();
    if (this.model.owner < 0) return;
    const bytes = this.bytes();
    yield* this.fill(bytes.subarray(0, 1 + this.random.below(bytes.length)));
    if (this.random.chance(50)) yield this.writeAccess();
    if (this.random.chance(50)) yield* this.tour();
  }

  /** Accesses while the TPM works; at most so many that they are sent in one go. */
  private *heldCommand(): Steps {
    const { random, model } = this;
    yield* this.becomeReady();
    if (model.owner < 0) return;
    yield* this.fill(validCommand(random, model.version));
    yield { kind: "hold" };
    yield this.access(model.owner, 0x18, 1, 0x20);
    for (let i = 1 + random.below(HELD_STEPS); i > 0; i--) {
      yield random.weighted<() => Step>([
        [4, () => this.writeAccess()],
        [2, () => this.writeStatus()],
        [2, () => this.lookAtOwner()],
        [1, () => this.anyAccess()],
      ])();
    }
    yield { kind: "settle" };
    for (let locality = 0; locality < 4; locality++) yield this.access(locality, 0, 1);
    yield* random.chance(50) ? this.tour() : this.readResponse();
  }

  /** Gives the TPM to one locality after the other, and looks what each of them sees. */
  private *tour(): Steps {
    const { model, random } = this;
    for (let i = 1 + random.below(4); i > 0; i--) {
      if (model.owner >= 0) yield this.access(model.owner, 0, 1, 0x20);
      const locality = random.below(4);
      yield this.access(locality, 0, 1, random.chance(80) ? 0x02 : 0x08);
      yield this.access(locality, 0x18, 4);
      if (random.chance(60)) yield this.access(locality, 0x24, this.size());
      if (random.chance(20)) yield* this.partOfCommand();
    }
  }

  private *readResponse(): Steps {
    const { random, model } = this;
    const part = random.chance(30) ? random.below(20) : 5000;
    const size = random.chance(50) ? this.size() : undefined;
    for (let i = 0; i < part && model.owner >= 0; i++) {
      if (model.localities[model.owner]!.sts !== 0x90) break;
      yield this.access(
        model.owner,
        random.chance(80) ? 0x24 : 0x80 + 4 * random.below(16),
        size ?? this.size(),
      );
      if (random.chance(10)) yield this.lookAtOwner();
    }
    if (random.chance(15)) yield this.access(Math.max(model.owner, 0), 0x24, this.size());
    if (random.chance(20)) yield this.access(Math.max(model.owner, 0), 0x18, 1, 0x02);
  }

  /** A command longer than the buffer. */
  private *overflow(): Steps {
    const { random } = this;
    yield* this.becomeReady();
    const { owner } = this.model;
    if (owner < 0) return;
    const length = 4080 + 4 * random.below(8);
    const declared = random.pick([length, 4096, 5000, 0xffff]);
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setUint32(2, declared);
    bytes.set(this.model.version === "2.0" ? [0x80, 1] : [0, 0xc1]);
    bytes[9] = 0xff;
    for (let at = 0; at < length; at += 4) {
      yield this.access(owner, 0x24, 4, new DataView(bytes.buffer).getUint32(at, true));
      if (at > 4064) yield this.access(owner, 0x18, 4);
    }
    yield this.access(owner, 0x18, 1, 0x20);
    yield* this.readResponse();
  }
}
