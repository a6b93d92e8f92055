/**
 * The bound on the guest's time while the TPM works, as a property: whatever the host is late with, in whatever order,
 * no TPM driver sees more of its time go by than the budget.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SimulatedMachine } from "../testing/simulated-machine.ts";
import { BUSY_STEP_MS, LOOK_MS, MAX_STEP_MS, SLICE_MS } from "./clock.ts";
import { CommandHold, DEFAULT_GRACE_MS } from "./command-hold.ts";

/** How late the host is at one point, in milliseconds: mostly not at all, at times by seconds. */
const lateness = fc.oneof(
  { weight: 6, arbitrary: fc.double({ min: 0, max: 0.4, noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ min: 0.4, max: 30, noNaN: true }) },
  { weight: 1, arbitrary: fc.double({ min: 30, max: 60_000, noNaN: true }) },
);

/** Gives the numbers in turn, over and over. */
function inTurn(numbers: readonly number[]): () => number {
  let at = 0;
  return () => numbers[at++ % numbers.length] as number;
}

interface Seen {
  /** Guest milliseconds from each command's start to its answer. */
  untilAnswer: number[];
  /** Guest milliseconds until the driver had read that it is there. */
  untilSeen: number[];
  stops: number;
}

interface Scene {
  commands: number;
  graceMs: number;
  /** Milliseconds of the driver's sleep between two looks for the answer; 0 polls without one. */
  driverSleeps: number;
  /** Used in turn wherever the host may be late. */
  late: readonly number[];
  /** Host milliseconds that each command takes, in turn. */
  takes: readonly number[];
  /** Others hold the machine, and let it go, after so many milliseconds each. */
  holds: readonly number[];
}

/** A driver sends its commands one after the other and waits for each answer. */
function play(scene: Scene): Seen {
  const seen: Seen = { untilAnswer: [], untilSeen: [], stops: 0 };
  const takes = inTurn(scene.takes);
  let state: "idle" | "executing" | "answered" = "idle";
  let [startedAt, last, left] = [0, 0, scene.commands];
  const machine = new SimulatedMachine(inTurn(scene.late), () => {
    if (left === 0) return 1000;
    if (state === "idle") {
      state = "executing";
      startedAt = last;
      policy.commandStarted();
      machine.later(takes(), () => {
        state = "answered";
        seen.untilAnswer.push(last - startedAt);
        policy.commandFinished();
      });
    } else if (state === "answered") {
      seen.untilSeen.push(last - startedAt);
      state = "idle";
      left--;
    }
    return scene.driverSleeps;
  });
  machine.onLook = (microtick) => {
    if (microtick < last) throw new RangeError(`guest time went back from ${last} to ${microtick}`);
    last = microtick;
  };
  const { control } = machine;
  const policy = new CommandHold(
    { hold: (reason) => control.hold(reason), holdAfter: (ms, reason) => control.holdAfter(ms, reason) },
    { graceMs: scene.graceMs },
  );
  control.onChange((holds) => {
    if (holds.includes("TPM command")) seen.stops++;
  });
  for (const after of scene.holds) {
    machine.later(after, () => {
      const release = control.hold("another");
      machine.later(after, release);
    });
  }
  control.resume();
  for (let steps = 0; left > 0; steps++) {
    if (steps > 1_000_000 || !machine.step()) throw new RangeError("the machine stands still for ever");
  }
  return seen;
}

describe("guest time while a TPM command runs", () => {
  it("advances by the budget and a slice at most, whatever is late", () => {
    fc.assert(
      fc.property(
        fc.record<Scene>({
          commands: fc.integer({ min: 1, max: 6 }),
          graceMs: fc.constantFrom(0, 1, 5, DEFAULT_GRACE_MS, 100),
          driverSleeps: fc.constantFrom(0, 0.1, 0.5, 5),
          late: fc
            .array(lateness, { minLength: 1, maxLength: 60 })
            .filter((delays) => delays.some((ms) => ms > 0.01)),
          takes: fc.array(
            fc.oneof(fc.double({ min: 0, max: 10, noNaN: true }), fc.integer({ min: 10, max: 60_000 })),
            {
              minLength: 1,
              maxLength: 6,
            },
          ),
          holds: fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 10 }),
        }),
        (scene) => {
          const { untilAnswer, untilSeen } = play(scene);
          expect(untilAnswer).toHaveLength(scene.commands);
          const bound = scene.graceMs + SLICE_MS + 1000 * LOOK_MS;
          for (const ms of untilAnswer) expect(ms).toBeLessThanOrEqual(bound + 1e-6);
          // From the answer to the driver's next look: the rest of its sleep, and how late it may wake.
          const step = scene.driverSleeps > 0 ? scene.driverSleeps + MAX_STEP_MS : 2 * BUSY_STEP_MS;
          for (const ms of untilSeen) expect(ms).toBeLessThanOrEqual(bound + step + 1e-6);
        },
      ),
      { numRuns: Number(process.env.WEBTPM_RUNS ?? 300) },
    );
  });

  it("costs quick commands nothing: the machine never stops for them", () => {
    const quick = { commands: 50, graceMs: DEFAULT_GRACE_MS, takes: [0.1, 3, 8], holds: [] };
    expect(play({ ...quick, driverSleeps: 0, late: [0.02, 0.3] }).stops).toBe(0);
    expect(play({ ...quick, driverSleeps: 0.5, late: [0.02, 0.3] }).stops).toBe(0);
  });

  it("stops the machine once for a slow one", () => {
    const slow = { commands: 1, graceMs: DEFAULT_GRACE_MS, takes: [5000], holds: [], late: [0.02, 0.3] };
    for (const driverSleeps of [0, 0.5]) {
      const { stops, untilAnswer } = play({ ...slow, driverSleeps });
      expect(stops).toBeGreaterThan(0);
      expect(untilAnswer[0]).toBeGreaterThanOrEqual(DEFAULT_GRACE_MS);
    }
  });
});

describe("a machine that works on a busy host", () => {
  /** Spins for so many guest milliseconds, reading a counter `reads` times a burst. @returns how often timers ran. */
  function spin(milliseconds: number, reads: number, late: readonly number[]) {
    const delay = inTurn(late);
    let runs = 0;
    let [first, now] = [-1, 0];
    const machine = new SimulatedMachine(delay, () => {
      if (first < 0) first = now;
      for (let i = 0; i < reads; i++) {
        machine.now += delay();
        if (machine.readCounter() - first >= milliseconds) return 1;
      }
      return 0;
    });
    machine.onLook = (microtick) => {
      now = microtick;
    };
    machine.onTimers = () => {
      if (first >= 0) runs++;
    };
    machine.control.resume();
    const from = machine.now;
    while (first < 0 || now - first < milliseconds) machine.step();
    return { runs, hostMs: machine.now - from };
  }

  it("sees a timer tick as often as it counts on: five times and more in ten ticks of 1 ms", () => {
    fc.assert(
      fc.property(
        fc.array(lateness, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 50 }),
        (late, reads) => {
          expect(spin(10, reads, [...late, 0.1]).runs).toBeGreaterThan(5);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("makes up for a gap that was no longer than a sleep may be", () => {
    const gap = [...Array.from({ length: 500 }, () => 0.1), 100];
    const { hostMs } = spin(5000, 1, gap);
    // The machine's first step, and what is still to be made up for.
    expect(Math.abs(hostMs - 5000)).toBeLessThan(2 * MAX_STEP_MS);
  });
});
