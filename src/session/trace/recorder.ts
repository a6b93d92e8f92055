/**
 * Records the accesses of guest and page while somebody wants them, and stops the machine at breakpoints. Nothing
 * stands between guest and device while nobody does.
 */
import { interfaceOf } from "../../device/interfaces/interfaces.ts";
import type { AccessTap, CommandRecord, TpmEvents, TpmStatus } from "../types.ts";
import { interfaceMark } from "./access.ts";
import type { Breakpoint } from "./breakpoints.ts";
import { CommandSpans } from "./commands.ts";
import { type KeptBreakpoint, KeptBreakpoints } from "./kept-breakpoints.ts";
import { playBack } from "./playback.ts";
import { TraceRing } from "./ring.ts";
import type { AccessRun } from "./runs.ts";
import { type Step, Stepper, type Stop, type TracedMachine } from "./stepping.ts";
import { recordingTap } from "./tap.ts";

/** What is needed of the TPM; `TpmHandle` has it. */
export interface TracedTpm {
  /** Whose `interface` says which registers there are; the FIFO interface's where nothing is said. */
  readonly status?: Pick<TpmStatus, "interface">;
  tap(tap: AccessTap | undefined): void;
  on<K extends "commandstart" | "reset">(event: K, listener: (detail: TpmEvents[K]) => void): () => void;
}

export interface RecorderOptions {
  ring?: TraceRing;
  now?: () => number;
}

export class TraceRecorder {
  readonly commands = new CommandSpans();
  readonly #now: () => number;
  #always: (() => void) | undefined;
  readonly #reasons = new Set<symbol>();
  readonly #listeners = new Set<() => void>();
  readonly #breakpoints = new KeptBreakpoints(() => {
    this.#retap();
    this.#stepper.applyPrecision();
  });
  readonly #stepper = new Stepper({
    breakpoints: this.#breakpoints,
    commands: this.commands,
    end: () => this.ring.end,
    changed: () => this.#retap(),
  });
  #ring: TraceRing | undefined;
  #tpm: TracedTpm | undefined;

  constructor({ ring, now = () => performance.now() }: RecorderOptions = {}) {
    this.#ring = ring;
    this.#now = now;
  }

  /** The accesses; made when first asked for, as it takes 16 MB. */
  get ring(): TraceRing {
    this.#ring ??= new TraceRing();
    return this.#ring;
  }

  /** True while accesses are recorded. */
  get recording(): boolean {
    return this.#tpm !== undefined && this.#wanted;
  }

  get #wanted(): boolean {
    return this.#reasons.size > 0 || this.#stepper.waiting;
  }

  /** Whether there is a machine to be stopped. */
  get hasMachine(): boolean {
    return this.#stepper.machine !== undefined;
  }

  /** Calls back when recording, breakpoints or the stop changed; never from within an access. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Records this TPM's accesses from now on. @returns a function that ends that. */
  attach(tpm: TracedTpm, machine?: TracedMachine): () => void {
    this.#tpm = tpm;
    this.#stepper.use(machine);
    const ends = [
      tpm.on("commandstart", (record: CommandRecord) => this.commands.link(record)),
      tpm.on("reset", () => this.#reset()),
    ];
    this.commands.forget();
    this.#retap();
    return () => {
      for (const end of ends) end();
      if (this.#tpm !== tpm) return;
      this.#stepper.use(undefined);
      tpm.tap(undefined);
      this.#tpm = undefined;
      this.#changed();
    };
  }

  /** Somebody wants accesses recorded. @returns a function that ends that; to be called once. */
  arm(): () => void {
    const reason = Symbol();
    this.#reasons.add(reason);
    this.#retap();
    return () => {
      if (this.#reasons.delete(reason)) this.#retap();
    };
  }

  /** Whether accesses are recorded while nobody looks at them, too; not so to begin with. */
  get always(): boolean {
    return this.#always !== undefined;
  }
  set always(on: boolean) {
    if (on === this.always) return;
    const end = this.#always;
    this.#always = on ? this.arm() : undefined;
    end?.();
  }

  /** Whether an access is there, by sequence number. Does not make the ring. */
  keeps(sequence: number): boolean {
    return this.#ring !== undefined && sequence >= this.#ring.start && sequence < this.#ring.end;
  }

  /** Forgets what was recorded. */
  clear(): void {
    this.#ring?.clear();
    this.#changed();
  }

  // --- recordings ---

  /** Takes in the next accesses of a recording. */
  play(runs: readonly AccessRun[]): void {
    playBack(runs, this.ring, this.commands);
  }

  /** Forgets accesses and commands: another recording, or the same from its beginning. */
  rewind(): void {
    this.commands.forget();
    this.clear();
  }

  // --- breakpoints ---

  get breakpoints(): readonly KeptBreakpoint[] {
    return this.#breakpoints.list;
  }

  add(breakpoint: Breakpoint): KeptBreakpoint {
    return this.#breakpoints.add(breakpoint);
  }

  remove(id: number): void {
    this.#breakpoints.remove(id);
  }

  enable(id: number, enabled: boolean): void {
    this.#breakpoints.enable(id, enabled);
  }

  // --- stops ---

  /** See {@link Stepper.exact}. */
  get exact(): boolean {
    return this.#stepper.exact;
  }
  set exact(on: boolean) {
    this.#stepper.exact = on;
  }

  /** Where the machine is stopped for a breakpoint or a step; undefined while it runs. */
  get stop(): Stop | undefined {
    return this.#stepper.stop;
  }

  /** Lets the machine go on, to the next breakpoint. */
  resume(): void {
    this.#stepper.resume();
  }

  /** Lets the machine go on to the next access, or the next command. */
  step(step: Step): void {
    this.#stepper.step(step);
  }

  #reset(): void {
    if (this.recording) this.ring.mark(this.#now());
    this.commands.reset();
    this.#stepper.cancel();
    this.#retap();
    this.#stepper.applyPrecision();
  }

  #retap(): void {
    this.#tpm?.tap(this.#wanted ? this.#tap() : undefined);
    this.#changed();
  }

  #tap(): AccessTap {
    const { machine, waiting, look } = this.#stepper;
    const looks = machine && waiting ? look : undefined;
    const through = interfaceOf(this.#tpm?.status?.interface ?? "");
    return recordingTap({
      ring: this.ring,
      commands: this.commands,
      now: this.#now,
      machine,
      through: through && interfaceMark(through),
      look: looks,
    });
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
