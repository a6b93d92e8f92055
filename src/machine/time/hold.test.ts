/** Holds and the guest's clock on a real v86 in Node. */
import { afterEach, describe, expect, it } from "vitest";
import { asm, type Code, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";
import { BUSY_STEP_MS, SLICE_MS } from "./clock.ts";
import { CommandHold } from "./command-hold.ts";
import { PAUSED_BY_USER } from "./run-control.ts";

const BASE = 0xfed4_0000;
const WINDOW = { base: BASE, size: 0x100 };
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Machine = Awaited<ReturnType<typeof tinyMachine>>;
const machines: Machine[] = [];
async function machine(code: Code): Promise<Machine> {
  const made = await tinyMachine(code);
  machines.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(machines.splice(0).map(({ emulator }) => emulator.destroy()));
});

const keep = (index: number) => asm.store(RESULTS + 4 * index, 4);
const poll = asm.until(asm.load(BASE, 1));
const PM_TIMER = 0xb008;

/** Polls register 0 until it is not zero, and times that by TSC and ACPI PM timer. */
const timedPoll = [
  ...[...asm.rdtsc(), ...keep(0), ...asm.in32(PM_TIMER), ...keep(1)],
  ...poll,
  ...[...asm.rdtsc(), ...keep(2), ...asm.in32(PM_TIMER), ...keep(3)],
  ...asm.say("!"),
];
/** Guest milliseconds of `timedPoll` by its two clocks; v86's TSC counts 10^6 a millisecond. */
function pollTimes(m: Machine) {
  const tsc = ((m.result(2) - m.result(0)) >>> 0) / 1e6;
  const pm = ((m.result(3) - m.result(1)) & 0xff_ffff) / 3579.545;
  return { tsc, pm };
}

describe("a hold", () => {
  it("taken inside an MMIO handler stops the CPU, and the guest's clocks with it", async () => {
    const m = await machine(timedPoll);
    let polls = 0;
    let release: (() => void) | undefined;
    m.bus.attach(WINDOW, {
      read() {
        if (++polls === 100) release = m.bus.hold("breakpoint");
        return release === undefined || polls < 1e9 ? 0 : 1;
      },
      write() {},
    });
    m.bus.resume();
    while (!m.bus.stopped || polls < 100) await wait(1);
    expect(m.bus.clock.frozen).toBe(true);
    expect(m.bus.holds).toEqual(["breakpoint"]);
    const [then, pollsThen] = [m.bus.clock.now(), polls];
    await wait(400);
    expect([m.bus.clock.now(), polls]).toEqual([then, pollsThen]);
    polls = 1e9;
    release?.();
    release?.();
    await m.hears("!");
    expect(m.bus.holds).toEqual([]);
    const { tsc, pm } = pollTimes(m);
    expect(tsc).toBeLessThan(200);
    expect(pm).toBeLessThan(200);
  });

  it("is needed for that: without one the guest sees the host's time go by", async () => {
    const m = await machine(timedPoll);
    let from: number | undefined;
    m.bus.attach(WINDOW, {
      read() {
        from ??= m.bus.clock.now();
        return m.bus.clock.now() < from + 60 ? 0 : 1;
      },
      write() {},
    });
    m.bus.resume();
    await m.hears("!");
    const { tsc, pm } = pollTimes(m);
    expect(tsc).toBeGreaterThan(50);
    expect(Math.abs(tsc - pm)).toBeLessThan(2 * BUSY_STEP_MS);
  });

  it("nests with others", async () => {
    const m = await machine(asm.until(asm.load(BASE, 1)));
    m.bus.attach(WINDOW, { read: () => 0, write() {} });
    m.bus.resume();
    const [a, b] = [m.bus.hold("a"), m.bus.hold("b")];
    await m.bus.settled();
    a();
    expect([m.bus.stopped, m.bus.holds]).toEqual([true, ["b"]]);
    b();
    expect([m.bus.stopped, m.bus.holds]).toEqual([false, []]);
  });

  it("that is released before it took effect leaves no trace", async () => {
    const m = await machine([...asm.times(5000, asm.load(BASE, 1)), ...asm.say("!")]);
    let stops = 0;
    m.emulator.add_listener("emulator-stopped", () => stops++);
    m.bus.attach(WINDOW, {
      read() {
        m.bus.hold("short")();
        return 0;
      },
      write() {},
    });
    m.bus.resume();
    await m.hears("!");
    m.bus.hold("from outside")();
    await wait(50);
    expect(stops).toBe(0);
    expect(m.bus.stopped).toBe(false);
  });

  it("taken before the machine runs keeps it from starting until released", async () => {
    const m = await machine(asm.say("!"));
    const release = m.bus.hold("TPM starts");
    await m.emulator.run();
    await wait(50);
    expect([m.said(), m.bus.stopped]).toEqual(["", true]);
    release();
    await m.hears("!");
  });

  it("does not start a machine that nobody started", async () => {
    const m = await machine(asm.say("!"));
    m.bus.hold("x")();
    await wait(50);
    expect([m.said(), m.bus.holds]).toEqual(["", []]);
  });
});

describe("the user's pause", () => {
  it("outlives holds, whichever comes first", async () => {
    const m = await machine(asm.until(asm.load(BASE, 1)));
    m.bus.attach(WINDOW, { read: () => 0, write() {} });
    m.bus.resume();
    await wait(10);
    const release = m.bus.hold("x");
    await m.emulator.stop();
    expect(m.bus.holds).toEqual(["x", PAUSED_BY_USER]);
    release();
    await wait(20);
    expect([m.bus.stopped, m.bus.clock.frozen, m.bus.holds]).toEqual([true, true, [PAUSED_BY_USER]]);
    await m.emulator.run();
    expect([m.bus.stopped, m.bus.holds]).toEqual([false, []]);
    m.bus.pause();
    m.bus.hold("y")();
    await m.bus.settled();
    expect(m.bus.stopped).toBe(true);
  });

  it("called off at once still answers the waiting stop()", async () => {
    const m = await machine(asm.until(asm.load(BASE, 1)));
    m.bus.attach(WINDOW, { read: () => 0, write() {} });
    m.bus.resume();
    await wait(10);
    const stopped = m.emulator.stop();
    await m.emulator.run();
    await stopped;
    expect(m.bus.stopped).toBe(false);
  });
});

describe("two machines in one page", () => {
  it("have clocks of their own", async () => {
    const [a, b] = [await machine(timedPoll), await machine(timedPoll)];
    let polls = 0;
    let ready = 0;
    for (const m of [a, b]) {
      m.bus.attach(WINDOW, {
        read() {
          if (m === b) polls++;
          return ready;
        },
        write() {},
      });
      m.bus.resume();
    }
    const release = a.bus.hold("x");
    await a.bus.settled();
    while (polls === 0) await wait(1);
    const stoodAt = a.bus.clock.now();
    const from = b.bus.clock.now();
    while (b.bus.clock.now() < from + 60) await wait(1);
    expect(a.bus.clock.now()).toBe(stoodAt);
    ready = 1;
    await b.hears("!");
    expect(a.said()).toBe("");
    release();
    await a.hears("!");
    const after = 4 * BUSY_STEP_MS;
    expect(Math.max(pollTimes(a).pm, pollTimes(a).tsc)).toBeLessThan(stoodAt + after);
    expect(Math.min(pollTimes(b).pm, pollTimes(b).tsc)).toBeGreaterThan(60 - after);
  });
});

describe("a TPM command", () => {
  /** @param until true when the TPM has the answer; asked at each of the driver's looks. */
  const run = async (until: (looks: number) => boolean, later?: (answer: () => void) => void) => {
    const m = await machine(timedPoll);
    const policy = new CommandHold(m.bus, { graceMs: 20 });
    let looks = 0;
    let answered = 0;
    const answer = () => {
      answered = 1;
      policy.commandFinished();
    };
    m.bus.attach(WINDOW, {
      read() {
        if (looks++ === 0) {
          policy.commandStarted();
          later?.(answer);
        }
        if (until(looks)) answer();
        return answered;
      },
      write() {},
    });
    let stops = 0;
    m.emulator.add_listener("emulator-stopped", () => stops++);
    m.bus.resume();
    await m.hears("!");
    return { ...pollTimes(m), stops };
  };

  it("that takes long costs the guest its budget and a slice", async () => {
    const never = () => false;
    const { tsc, pm, stops } = await run(never, (answer) => setTimeout(answer, 1500));
    expect(stops).toBe(1);
    // A step before the driver's first look, and one until it has read the answer.
    expect(Math.max(tsc, pm)).toBeLessThan(20 + SLICE_MS + 2 * BUSY_STEP_MS);
  });

  it("that is answered soon does not stop the machine", async () => {
    expect((await run((looks) => looks === 50)).stops).toBe(0);
  });
});
