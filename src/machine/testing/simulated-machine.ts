/**
 * A machine that schedules itself as v86 does, over a host whose time and order of events a test decides: how late each
 * task runs, how long each burst of guest code takes. Only what the guest's time depends on is there.
 */
import { MachineClock } from "../time/clock.ts";
import { RunControl } from "../time/run-control.ts";
import { superviseSlices } from "../time/slices.ts";
import type { V86Emulator, V86Machine } from "../v86/v86-internals.ts";

/** More bursts than this in one slice mean that it never ends. */
const ENDLESS = 10_000;

/** What the guest does in one burst of instructions: gives the milliseconds for which it then sleeps, 0 for none. */
export type Burst = (machine: SimulatedMachine) => number;

interface Task {
  due: number;
  run: () => void;
}

export class SimulatedMachine {
  /** The host's time, in milliseconds. */
  now = 1000;
  readonly clock = new MachineClock(() => this.now);
  readonly control: RunControl;
  /** Every value of the guest's time that v86 saw. */
  onLook: ((microtick: number) => void) | undefined;
  /** v86 runs its timers. */
  onTimers: (() => void) | undefined;
  readonly #delay: () => number;
  readonly #burst: Burst;
  readonly #tasks: Task[] = [];
  readonly #listeners = new Map<string, (() => void)[]>();
  readonly #machine: V86Machine;
  #running = false;
  #stopping = false;
  #tick = 0;
  #halted = false;
  #wakesAt = 0;

  /**
   * @param delay milliseconds, asked for wherever the host may be late: before a task runs, and within each burst.
   * @param burst one burst of the guest's.
   */
  constructor(delay: () => number, burst: Burst) {
    this.#delay = delay;
    this.#burst = burst;
    const clock = this.clock;
    const machine = {
      constructor: { microtick: () => this.now },
      cpu: { main_loop: () => this.#mainLoop(), run_hardware_timers: () => this.#runTimers() },
      run: () => this.#run(),
      stop: () => {
        if (this.#running) this.#stopping = true;
      },
      next_tick: (milliseconds: number) => this.#nextTick(milliseconds),
    };
    this.#machine = machine as unknown as V86Machine;
    const emulator = {
      is_running: () => this.#running,
      add_listener: (event: string, listener: () => void) =>
        this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener]),
    };
    this.control = new RunControl(emulator as unknown as V86Emulator, this.#machine, clock);
    superviseSlices(this.#machine, clock, () => false);
  }

  /** A task of the page's, to run after so many milliseconds, or later. */
  later(milliseconds: number, run: () => void): void {
    this.#tasks.push({ due: this.now + Math.max(0, milliseconds), run });
  }

  /** Runs the page's next task. @returns false when there is none. */
  step(): boolean {
    const next = this.#tasks.reduce<Task | undefined>(
      (first, task) => (first && first.due <= task.due ? first : task),
      undefined,
    );
    if (!next) return false;
    this.#tasks.splice(this.#tasks.indexOf(next), 1);
    this.now = Math.max(this.now, next.due) + this.#delay();
    next.run();
    return true;
  }

  // --- as in v86's main.js ---

  #run(): void {
    this.#stopping = false;
    if (!this.#running) {
      this.#running = true;
      this.#send("emulator-started");
    }
    this.#nextTick(0);
  }

  #nextTick(milliseconds: number): void {
    const tick = ++this.#tick;
    this.later(milliseconds, () => {
      if (tick === this.#tick) this.#doTick();
    });
  }

  #doTick(): void {
    if (this.#stopping || !this.#running) {
      this.#stopping = this.#running = false;
      this.#send("emulator-stopped");
      return;
    }
    this.#nextTick(this.#machine.cpu.main_loop());
  }

  #send(event: string): void {
    for (const listener of this.#listeners.get(event) ?? []) listener();
  }

  // --- as in v86's cpu.rs ---

  #mainLoop(): number {
    const start = this.#look();
    if (this.#halted) {
      this.#machine.cpu.run_hardware_timers(true, start);
      if (start < this.#wakesAt) return this.#wakesAt - start;
      this.#halted = false;
    }
    for (let bursts = 0; ; bursts++) {
      if (bursts > ENDLESS) throw new RangeError("this slice of guest code never ends");
      const sleep = this.#burst(this);
      this.now += this.#delay();
      const now = this.#look();
      this.#machine.cpu.run_hardware_timers(true, now);
      if (sleep > 0) {
        this.#halted = true;
        this.#wakesAt = now + sleep;
        return sleep;
      }
      if (now - start > 1) return 0;
    }
  }

  #runTimers(): number {
    this.onTimers?.();
    return 0;
  }

  /** v86 looks at the clock; guest code does so too, by reading a counter (RDTSC). */
  readCounter(): number {
    return this.#look();
  }

  #look(): number {
    const microtick = this.#machine.constructor.microtick();
    this.onLook?.(microtick);
    return microtick;
  }
}
