/**
 * Records the accesses of guest and page while somebody wants them, and holds the machine at breakpoints. Nothing
 * stands between guest and device while nobody does.
 */
import type { AccessTap, CommandRecord, TpmEvents } from "../session/types.ts";
import type { AccessSize, MmioDevice } from "../tis/ports.ts";
import { isMark, type Origin, packAccess } from "./access.ts";
import { type Breakpoint, BreakpointSet } from "./breakpoints.ts";
import { AccessClock } from "./clock.ts";
import { CommandSpans, NOTHING, STARTED } from "./commands.ts";
import { TraceRing } from "./ring.ts";
import { type AccessRun, valuesOf } from "./runs.ts";

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

/** What is needed of the TPM; `TpmHandle` has it. */
export interface TracedTpm {
  tap(tap: AccessTap | undefined): void;
  on<K extends "commandstart" | "reset">(event: K, listener: (detail: TpmEvents[K]) => void): () => void;
}

export type Step = "access" | "command";

/** A breakpoint as the user keeps it. */
export interface KeptBreakpoint {
  id: number;
  enabled: boolean;
  hits: number;
  breakpoint: Breakpoint;
}

/** The machine stands still at an access. */
export interface Standstill {
  sequence: number;
  /** Undefined for a single step. */
  breakpoint: Breakpoint | undefined;
  /** Accesses that the guest has made after that one, before it stood still; undefined until it does. */
  ranOn: number | undefined;
}

export interface RecorderOptions {
  ring?: TraceRing;
  now?: () => number;
}

export class TraceRecorder {
  readonly commands = new CommandSpans();
  readonly #now: () => number;
  readonly #reasons = new Set<symbol>();
  readonly #listeners = new Set<() => void>();
  #ring: TraceRing | undefined;
  #tpm: TracedTpm | undefined;
  #machine: TracedMachine | undefined;
  #kept: readonly KeptBreakpoint[] = [];
  #set = new BreakpointSet([]);
  #lastId = 0;
  #step: Step | undefined;
  #held: Standstill | undefined;
  #release: (() => void) | undefined;
  #exact = false;
  /** What the machine was told. */
  #precise = false;

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
    return this.#reasons.size > 0 || !this.#set.empty || this.#held !== undefined || this.#step !== undefined;
  }

  /** Whether there is a machine to be held. */
  get hasMachine(): boolean {
    return this.#machine !== undefined;
  }

  get breakpoints(): readonly KeptBreakpoint[] {
    return this.#kept;
  }

  /** Where the machine stands still for a breakpoint or a step; undefined while it runs. */
  get held(): Standstill | undefined {
    return this.#held;
  }

  /** Calls back when recording, breakpoints or the standstill changed; never from within an access. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Records this TPM's accesses from now on. @returns a function that ends that. */
  attach(tpm: TracedTpm, machine?: TracedMachine): () => void {
    this.#tpm = tpm;
    this.#machine = machine;
    const ends = [
      tpm.on("commandstart", (record: CommandRecord) => this.commands.link(record)),
      tpm.on("reset", () => this.#reset()),
    ];
    this.commands.forget();
    this.#precise = false;
    this.#applyPrecision();
    this.#retap();
    return () => {
      for (const end of ends) end();
      if (this.#tpm !== tpm) return;
      this.#letGo();
      tpm.tap(undefined);
      this.#tpm = undefined;
      this.#machine = undefined;
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

  /** Takes in the next accesses of a recording; links them with the commands that the recording names. */
  play(runs: readonly AccessRun[]): void {
    const { ring, commands } = this;
    for (const run of runs) {
      if (isMark(run.word)) {
        ring.mark(run.time);
        commands.reset();
        continue;
      }
      for (const value of valuesOf(run))
        commands.access(ring.push(run.time, run.word, value), run.time, run.word, value);
      if (run.command !== undefined && commands.newest) commands.newest.id = run.command;
    }
  }

  /** Forgets accesses and commands: another recording, or the same from its beginning. */
  rewind(): void {
    this.commands.forget();
    this.clear();
  }

  // --- breakpoints ---

  add(breakpoint: Breakpoint): KeptBreakpoint {
    const kept = { id: ++this.#lastId, enabled: true, hits: 0, breakpoint };
    this.#setBreakpoints([...this.#kept, kept]);
    return kept;
  }

  remove(id: number): void {
    this.#setBreakpoints(this.#kept.filter((kept) => kept.id !== id));
  }

  enable(id: number, enabled: boolean): void {
    this.#setBreakpoints(this.#kept.map((kept) => (kept.id === id ? { ...kept, enabled } : kept)));
  }

  #setBreakpoints(kept: readonly KeptBreakpoint[]): void {
    this.#kept = kept;
    this.#set = new BreakpointSet(kept.filter(({ enabled }) => enabled).map(({ breakpoint }) => breakpoint));
    this.#retap();
    this.#applyPrecision();
  }

  /** Whether all of the guest's code is interpreted while a breakpoint waits, so that the machine stops at once. */
  get exact(): boolean {
    return this.#exact;
  }
  set exact(on: boolean) {
    this.#exact = on;
    this.#applyPrecision();
    this.#changed();
  }

  // --- standing still ---

  /** Lets the machine go on, to the next breakpoint. */
  resume(): void {
    if (!this.#held) return;
    this.#step = undefined;
    this.#setPrecise(this.#exact && !this.#set.empty);
    this.#letGo();
    this.#retap();
  }

  /** Lets the machine go on to the next access, or the next command. */
  step(step: Step): void {
    if (this.#held?.ranOn === undefined) return;
    this.#step = step;
    this.#setPrecise(true);
    this.#letGo();
    this.#retap();
  }

  /** Only while the machine stands still. */
  #setPrecise(on: boolean): void {
    this.#precise = on;
    this.#machine?.setPrecise?.(on);
  }

  #letGo(): void {
    this.#held = undefined;
    this.#release?.();
    this.#release = undefined;
  }

  #reset(): void {
    if (this.recording) this.ring.mark(this.#now());
    this.commands.reset();
    this.#step = undefined;
    this.#letGo();
    this.#retap();
    this.#applyPrecision();
  }

  /** Translated code can be thrown away only while the machine stands still. */
  #applyPrecision(): void {
    const machine = this.#machine;
    if (!machine?.setPrecise || this.#held || this.#step) return;
    const on = this.#exact && !this.#set.empty;
    if (on === this.#precise) return;
    const release = machine.hold(BREAKPOINT_HOLD);
    (machine.settled?.() ?? Promise.resolve())
      .then(() => {
        if (this.#machine === machine && !this.#held && !this.#step) this.#setPrecise(on);
      })
      .finally(release);
  }

  // --- the tap ---

  #retap(): void {
    const stops = !this.#set.empty || this.#step !== undefined || this.#held !== undefined;
    const watching = stops && this.#machine !== undefined;
    this.#tpm?.tap(this.#wanted ? this.#tapFor(watching) : undefined);
    this.#changed();
  }

  #tapFor(watching: boolean): AccessTap {
    return (device, origin) =>
      watching && origin === "guest" ? this.#watchingDevice(device) : this.#recordingDevice(device, origin);
  }

  #recordingDevice(device: MmioDevice, origin: Origin): MmioDevice {
    const { ring, commands } = this;
    const clock = new AccessClock(this.#now, origin === "guest" ? this.#machine : undefined);
    const note = (word: number, value: number) => {
      const time = clock.time(word);
      commands.access(ring.push(time, word, value), time, word, value);
    };
    return {
      read(address, size) {
        const value = device.read(address, size);
        note(packAccess(address, size, false, origin), value);
        return value;
      },
      write(address, size, value) {
        note(packAccess(address, size, true, origin), value);
        device.write(address, size, value);
      },
    };
  }

  /** As above, and looks at each access of the guest's whether it is one to stop at. */
  #watchingDevice(device: MmioDevice): MmioDevice {
    const { ring, commands } = this;
    const clock = new AccessClock(this.#now, this.#machine);
    const note = (address: number, size: AccessSize, write: boolean, value: number) => {
      const word = packAccess(address, size, write, "guest");
      const time = clock.time(word);
      const sequence = ring.push(time, word, value);
      this.#look(sequence, word, value, commands.access(sequence, time, word, value));
    };
    return {
      read(address, size) {
        const value = device.read(address, size);
        note(address, size, false, value);
        return value;
      },
      write(address, size, value) {
        device.write(address, size, value);
        note(address, size, true, value);
      },
    };
  }

  #look(sequence: number, word: number, value: number, meaning: number): void {
    if (this.#held) return;
    const breakpoint = this.#set.hit(
      word,
      value,
      meaning,
      meaning === NOTHING ? undefined : this.commands.newest,
    );
    const stepped = this.#step === "access" || (this.#step === "command" && meaning === STARTED);
    if (!breakpoint && !stepped) return;
    this.#stop({ sequence, breakpoint, ranOn: undefined });
  }

  #stop(held: Standstill): void {
    const machine = this.#machine;
    if (!machine) return;
    this.#held = held;
    this.#step = undefined;
    this.#release = machine.hold(BREAKPOINT_HOLD);
    machine.endSlice?.();
    if (held.breakpoint) this.#count(held.breakpoint);
    (machine.settled?.() ?? Promise.resolve()).then(() => {
      if (this.#held !== held) return;
      held.ranOn = this.ring.end - 1 - held.sequence;
      this.#changed();
    });
  }

  #count(hit: Breakpoint): void {
    this.#kept = this.#kept.map((kept) =>
      kept.breakpoint === hit ? { ...kept, hits: kept.hits + 1 } : kept,
    );
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
