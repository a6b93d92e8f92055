/** The PC's events and hotplug ports, as the guest's code finds them. */
import { afterEach, describe, expect, it } from "vitest";
import { asm, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";

const machines: Awaited<ReturnType<typeof tinyMachine>>[] = [];
afterEach(async () => {
  await Promise.all(machines.splice(0).map(({ emulator }) => emulator.destroy()));
});

/** What the guest reads: the low byte of each, in turn. */
async function reads(steps: readonly ({ out: [port: number, value: number] } | { in: number })[]) {
  let results = 0;
  const code = steps.flatMap((step) =>
    "out" in step ? asm.out8(...step.out) : [...asm.in8(step.in), ...asm.store(RESULTS + 4 * results++, 4)],
  );
  const machine = await tinyMachine([...code, ...asm.say("!")]);
  machines.push(machine);
  machine.bus.resume();
  await machine.hears("!");
  return Array.from({ length: results }, (_, index) => machine.result(index) & 0xff);
}

describe("general-purpose events", () => {
  it("are cleared by writing ones, as Linux does to all of them at its start", async () => {
    for (const port of [0xafe0, 0xafe1])
      expect(await reads([{ out: [port, 0xff] }, { in: port }])).toEqual([0]);
  });

  it("stay enabled as they were written", async () => {
    const steps = [{ out: [0xafe2, 0x12] }, { out: [0xafe3, 0x34] }, { in: 0xafe2 }, { in: 0xafe3 }] as const;
    expect(await reads(steps.map((step) => ("out" in step ? { out: [...step.out] } : step)))).toEqual([
      0x12, 0x34,
    ]);
  });
});

describe("PCI hotplug", () => {
  it("has no slot with anything to do, and none that may be ejected", async () => {
    const ports = [0xae00, 0xae01, 0xae04, 0xae08, 0xae0c, 0xae10];
    expect(await reads(ports.map((port) => ({ in: port })))).toEqual(ports.map(() => 0));
  });
});
