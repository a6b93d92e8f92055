/** How far a guest runs on after an access that is to be its last for now, on a real v86. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { asm, type Code, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";

const BASE = 0xfed4_0000;
const WINDOW = { base: BASE, size: 0x100 };
/** So many turns make v86 translate a loop. */
const WARM = 400_000;
const COLD = 10;

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

const untilStopped = ({ bus }: Machine) => vi.waitUntil(() => bus.stopped, { interval: 1, timeout: 20_000 });

/** @returns how many accesses there were after the one at which the machine was held. */
async function runOn(code: Code, at: number, how: { cut?: boolean; precise?: boolean }): Promise<number> {
  const m = await machine(code);
  if (how.precise) m.bus.setPrecise(true);
  let accesses = 0;
  const access = () => {
    if (++accesses !== at) return 0;
    m.bus.hold("breakpoint");
    if (how.cut) m.bus.endSlice();
    return 0;
  };
  m.bus.attach(WINDOW, { read: access, write: access });
  m.bus.resume();
  await untilStopped(m);
  return accesses - at;
}

const poll = asm.until(asm.load(BASE, 1));
const write = asm.until([...asm.set(0), ...asm.store(BASE, 4)]);
const straight = asm.until(Array.from({ length: 20 }, () => asm.load(BASE, 1)).flat());
/** Each access in a function that is called, as in drivers. */
const called: Code = [0xe8, 4, 0, 0, 0, 0x84, 0xc0, 0x74, -9 & 0xff, ...asm.load(BASE, 1), 0xc3];

describe("endSlice", () => {
  it.each([
    ["a loop of reads", poll],
    ["a loop of writes", write],
    ["reads one after the other", straight],
  ])("stops at the access itself where everything is interpreted: %s", async (_, code) => {
    expect(await runOn(code, COLD, { cut: true, precise: true })).toBe(0);
    expect(await runOn(code, WARM, { cut: true, precise: true })).toBe(0);
  });

  it("stops code that is not hot when the function returns that made the access", async () => {
    expect(await runOn(called, COLD, { cut: true })).toBe(0);
    expect(await runOn(called, COLD, {})).toBeGreaterThan(1000);
  });

  it("costs a millisecond or so of the guest's time", async () => {
    const m = await machine(poll);
    let before = 0;
    m.bus.attach(WINDOW, {
      read() {
        before ||= m.bus.clock.microtick();
        m.bus.hold("breakpoint");
        m.bus.endSlice();
        return 0;
      },
      write() {},
    });
    m.bus.setPrecise(true);
    m.bus.resume();
    await untilStopped(m);
    expect(m.bus.clock.microtick() - before).toBeGreaterThan(1);
    expect(m.bus.clock.microtick() - before).toBeLessThan(20);
  });

  it("lets the guest go on where it was, exact or not, as if nothing had been", async () => {
    const turns = 3000;
    const m = await machine([
      ...[0x31, 0xdb], // xor ebx, ebx
      ...asm.times(turns, [...asm.load(BASE, 1), 0x43]), // inc ebx
      ...[0x89, 0xd8, ...asm.store(RESULTS, 4)], // mov eax, ebx
      ...asm.say("!"),
    ]);
    let reads = 0;
    let stops = 0;
    m.bus.attach(WINDOW, {
      read() {
        if (++reads % 100 !== 0) return 0;
        const release = m.bus.hold("breakpoint");
        m.bus.endSlice();
        untilStopped(m).then(() => {
          m.bus.setPrecise(++stops < 10);
          release();
        });
        return 0;
      },
      write() {},
    });
    m.bus.setPrecise(true);
    m.bus.resume();
    await m.hears("!");
    expect([reads, m.result(0)]).toEqual([turns, turns]);
    expect(stops).toBeGreaterThanOrEqual(10);
  });
});
