/**
 * Takes steps on several sides at once, each a program with a model of what it must answer. Every answer is compared
 * with the side's own prediction; where the predictions differ, the wanted differences that are at work are counted.
 */
import { Attribution } from "./attribution.ts";
import type { Side, World } from "./sides.ts";
import { type AccessStep, accessLine, type Step } from "./steps.ts";
import { sleep, withTimeout } from "./timeout.ts";

/** A program did not answer what was predicted. */
export class MismatchError extends Error {
  override name = "MismatchError";
}

/** QEMU takes at most 1024 bytes at once; what is sent while TPMs are held has to fit. */
const HELD_TEXT = 900;
/** Sent in one go while nothing is held. */
const BATCH = 64;
const COMPLETION_MS = 20_000;

interface Pending {
  step: AccessStep;
  expected: (number | undefined)[];
}

export class Runner {
  /** Steps that were taken, to be repeated. */
  readonly taken: Step[] = [];
  compared = 0;
  commands = 0;
  /** Accesses that were left out since QEMU must not see them. */
  skipped = 0;
  /** How often the interrupt line was compared and differed as wanted. */
  irqDifferences = 0;
  /** Accesses whose answers differed as wanted, by what caused it. */
  readonly differences = new Map<string, number>();
  readonly #world: World;
  readonly #pending: Pending[] = [];
  #pendingText = 0;
  #held = false;
  /** While held: which of those pending is the first on which QEMU waits for its TPM. */
  #blocking: number | undefined;
  readonly #attribution: Attribution;

  constructor(
    world: World,
    /** `shortCommands`: commands of less than a header are sent, too; QEMU is of no use after that. */
    readonly options: { shortCommands?: boolean } = {},
  ) {
    this.#world = world;
    this.#attribution = new Attribution(world);
  }

  /** How often each wanted difference came to bear. */
  get occurrences(): ReadonlyMap<string, number> {
    return this.#attribution.occurrences;
  }

  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "access":
        return this.#access(step);
      case "hold":
        return this.#hold();
      case "settle":
        this.taken.push(step);
        return this.settle();
      case "reset":
        return this.#reset();
    }
  }

  async #hold(): Promise<void> {
    await this.settle();
    this.taken.push({ kind: "hold" });
    // QEMU asks its TPM for the establishment flag, and remembers it.
    this.#queue(this.#world.registers.establishment);
    await this.#flush();
    this.#held = true;
    this.#blocking = undefined;
    this.#world.hold();
    // Its answer says that the whole text has arrived.
    this.#queue(this.#world.registers.harmless);
  }

  async #reset(): Promise<void> {
    await this.settle();
    this.taken.push({ kind: "reset" });
    for (const { model } of this.#world.sides) model.reset();
    this.#attribution.update();
    await this.#world.reset();
  }

  async #access(step: AccessStep): Promise<void> {
    const { sides } = this.#world;
    const { address, size, value } = step;
    const { shortCommands = false } = this.options;
    if (sides.some(({ model }) => model.isBeyond(address, size, value, shortCommands))) {
      this.skipped++;
      return;
    }
    this.taken.push(step);
    const idle = sides.every(({ model }) => !model.running);
    const calls = sides.map(({ model }) => model.controlCalls);
    this.#queue(step);
    if (sides.some(({ model }, i) => model.controlCalls !== calls[i]))
      this.#blocking ??= this.#pending.length - 1;
    const started = idle && sides.some(({ model }) => model.running);
    const full = this.#held ? this.#pendingText > HELD_TEXT : this.#pending.length >= BATCH;
    if (!this.#held && started) await this.settle();
    else if (full) await (this.#held ? this.settle() : this.#flush());
  }

  /** Predicts an access on every side, and notes it to be sent. */
  #queue(step: AccessStep): void {
    const { address, size, value } = step;
    const { sides } = this.#world;
    const expected = sides.map(({ model }) => {
      if (value === undefined) return model.read(address, size);
      model.write(address, size, value);
      return undefined;
    });
    this.#count(expected, accessLine(step));
    this.#pending.push({ step, expected });
    this.#pendingText += accessLine(step).length + 1;
  }

  /** Counts an access, and attributes it where its predictions differ. */
  #count(expected: (number | undefined)[], line: string): void {
    this.compared++;
    const before = this.#attribution.causes;
    this.#attribution.update();
    if (expected.every((value) => value === expected[0])) return;
    const ids = before || this.#attribution.causes || this.#attribution.noted;
    if (!ids) throw new MismatchError(`${line}: the predictions differ, and no wanted difference is at work`);
    this.differences.set(ids, (this.differences.get(ids) ?? 0) + 1);
  }

  /** Sends what is pending and compares the answers. */
  async #flush(): Promise<void> {
    const pending = this.#pending.splice(0);
    this.#pendingText = 0;
    if (pending.length === 0) return;
    const lines = pending.map(({ step }) => accessLine(step));
    const { sides } = this.#world;
    for (const { peer } of sides) peer.send(lines);
    if (this.#held) {
      // Their answers say that QEMU has come so far: its TPM goes on no earlier, since it answers into the buffer itself.
      const free = pending.splice(0, this.#blocking ?? pending.length);
      for (const [i, side] of sides.entries()) {
        for (const one of free) await this.#check(side, one, i);
      }
      this.#release();
    }
    for (const [i, side] of sides.entries()) {
      for (const one of pending) await this.#check(side, one, i);
    }
    if (sides.every(({ model }) => !model.running)) this.#checkIrq();
  }

  #release(): void {
    this.#held = false;
    this.#world.release();
  }

  async #check({ name, peer }: Side, { step, expected }: Pending, side: number): Promise<void> {
    const answer = await peer.answer();
    const wanted = expected[side];
    const got = answer === "" ? undefined : Number.parseInt(answer, 16);
    if (got === wanted) return;
    const show = (value: number | undefined) => (value === undefined ? "nothing" : `0x${value.toString(16)}`);
    throw new MismatchError(`${name}: ${accessLine(step)} gave ${show(got)}, predicted was ${show(wanted)}`);
  }

  #checkIrq(): void {
    const [first, ...others] = this.#world.sides.map(({ model }) => model.irq);
    if (others.some((other) => other !== first)) this.irqDifferences++;
    for (const { name, peer, model } of this.#world.sides) {
      if (peer.irq !== model.irq) {
        throw new MismatchError(
          `${name}: the interrupt line is ${peer.irq ? "high" : "low"}, predicted was the other`,
        );
      }
    }
  }

  /** Waits until no side has a command running, and everything has been compared. */
  async settle(): Promise<void> {
    await this.#flush();
    const { sides } = this.#world;
    for (let tries = 0; sides.some(isRunning); tries++) {
      for (const side of sides) if (isRunning(side)) await this.#complete(side);
      // Where nothing shows the end of a command, its locality gets the TPM, to show it.
      const hidden = sides.find(isRunning)?.model;
      if (!hidden) break;
      if (tries > 4) throw new MismatchError("the end of a command cannot be observed");
      for (const write of this.#world.registers.reveal(hidden)) this.#queue(write);
      await this.#flush();
    }
    if (sides.every(({ model }) => !model.wedged)) this.#checkIrq();
  }

  /** Waits for the end of a side's command, if a register can show it. */
  async #complete(side: Side): Promise<void> {
    const { model, peer, name } = side;
    const running = model.running!;
    running.response ??= await side.respond(running.locality, running.command);
    const { response } = running;
    const after = model.clone();
    after.complete(response);
    const probe = this.#world.registers
      .probes(model)
      .find(({ address, size }) => model.read(address, size) !== after.read(address, size));
    if (!probe) return;
    const wanted = after.read(probe.address, probe.size);
    const seen = async () => {
      while (Number.parseInt(await peer.ask(accessLine(probe)), 16) !== wanted) await sleep(1);
    };
    const never = `${name}: ${accessLine(probe)} never gave 0x${wanted.toString(16)}`;
    await withTimeout(seen(), COMPLETION_MS, never);
    model.complete(response);
    this.commands++;
    this.#attribution.update();
  }
}

const isRunning = ({ model }: Side) => model.running !== undefined && !model.wedged;
