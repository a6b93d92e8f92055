/** Stops the machine at breakpoints and after single steps, and lets it go on. */
import type { Breakpoint } from "./breakpoints.ts";
import { type CommandSpans, NOTHING, STARTED } from "./commands.ts";
import type { KeptBreakpoints } from "./kept-breakpoints.ts";
import type { AccessLook } from "./tap.ts";

/** The reason under which the machine is held. */
export const BREAKPOINT_HOLD = "breakpoint";

/** What is needed of the machine; `MachineBus` has it. */
export interface TracedMachine {
  hold(reason: string): () => void;
  settled?(): Promise<void>;
  endSlice?(): void;
  setPrecise?(on: boolean): void;
  readonly slices?: number;
}

export type Step = "access" | "command";

/** The machine is stopped at an access. */
export interface Stop {
  sequence: number;
  /** Undefined for a single step. */
  breakpoint: Breakpoint | undefined;
  /** Accesses that the guest has made after that one, before the machine stood still; undefined until it does. */
  ranOn: number | undefined;
}

export interface StepperParts {
  breakpoints: KeptBreakpoints;
  commands: CommandSpans;
  /** Sequence number of the access that comes next. */
  end: () => number;
  /** Called when the machine stops or goes on; never from within an access. */
  changed: () => void;
}

export class Stepper {
  readonly #parts: StepperParts;
  #machine: TracedMachine | undefined;
  #stop: Stop | undefined;
  #step: Step | undefined;
  #release: (() => void) | undefined;
  #exact = false;
  /** What the machine was told. */
  #precise = false;

  constructor(parts: StepperParts) {
    this.#parts = parts;
  }

  get machine(): TracedMachine | undefined {
    return this.#machine;
  }

  /** Where the machine is stopped; undefined while it runs. */
  get stop(): Stop | undefined {
    return this.#stop;
  }

  /** Whether accesses have to be looked at. */
  get waiting(): boolean {
    return !this.#parts.breakpoints.enabled.empty || this.#step !== undefined || this.#stop !== undefined;
  }

  /** Whether all of the guest's code is interpreted while a breakpoint waits, so that the machine stops at once. */
  get exact(): boolean {
    return this.#exact;
  }
  set exact(on: boolean) {
    this.#exact = on;
    this.applyPrecision();
    this.#parts.changed();
  }

  /** Stops this machine from now on, and lets go of the one before; undefined: none. */
  use(machine: TracedMachine | undefined): void {
    this.cancel();
    this.#machine = machine;
    this.#precise = false;
    this.applyPrecision();
  }

  /** Lets the machine go on, to the next breakpoint. */
  resume(): void {
    if (this.#stop) this.#goOn(undefined);
  }

  /** Lets the machine go on to the next access, or the next command. */
  step(step: Step): void {
    if (this.#stop?.ranOn !== undefined) this.#goOn(step);
  }

  #goOn(step: Step | undefined): void {
    this.#step = step;
    this.#setPrecise(step !== undefined || this.#wantsPrecision);
    this.#letGo();
    this.#parts.changed();
  }

  /** Forgets stop and step: what was under way is over. */
  cancel(): void {
    this.#step = undefined;
    this.#letGo();
  }

  #letGo(): void {
    this.#stop = undefined;
    this.#release?.();
    this.#release = undefined;
  }

  get #wantsPrecision(): boolean {
    return this.#exact && !this.#parts.breakpoints.enabled.empty;
  }

  /** Only while the machine stands still. */
  #setPrecise(on: boolean): void {
    this.#precise = on;
    this.#machine?.setPrecise?.(on);
  }

  /** Has code interpreted or not, as breakpoints now ask; translated code can be thrown away only in a standing machine. */
  applyPrecision(): void {
    const machine = this.#machine;
    if (!machine?.setPrecise || this.#stop || this.#step) return;
    const on = this.#wantsPrecision;
    if (on === this.#precise) return;
    const release = machine.hold(BREAKPOINT_HOLD);
    (machine.settled?.() ?? Promise.resolve())
      .then(() => {
        if (this.#machine === machine && !this.#stop && !this.#step) this.#setPrecise(on);
      })
      .finally(release);
  }

  /** Stops the machine if this access is one to stop at. */
  readonly look: AccessLook = (sequence, word, value, meaning) => {
    if (this.#stop) return;
    const { breakpoints, commands } = this.#parts;
    const command = meaning === NOTHING ? undefined : commands.newest;
    const breakpoint = breakpoints.enabled.hit(word, value, meaning, command);
    const stepped = this.#step === "access" || (this.#step === "command" && meaning === STARTED);
    if (breakpoint || stepped) this.#stopAt({ sequence, breakpoint, ranOn: undefined });
  };

  #stopAt(stop: Stop): void {
    const machine = this.#machine;
    if (!machine) return;
    const { breakpoints, end, changed } = this.#parts;
    this.#stop = stop;
    this.#step = undefined;
    this.#release = machine.hold(BREAKPOINT_HOLD);
    machine.endSlice?.();
    if (stop.breakpoint) breakpoints.count(stop.breakpoint);
    (machine.settled?.() ?? Promise.resolve()).then(() => {
      if (this.#stop !== stop) return;
      stop.ranOn = end() - 1 - stop.sequence;
      changed();
    });
  }
}
