/** The translator's settings in a real v86. */
import { afterEach, describe, expect, it } from "vitest";
import { asm, tinyMachine } from "./testing/tiny-guest.ts";
import { setTranslation, type Translating } from "./translator.ts";

/** v86 gives back what was set, by the same numbers; 0 is whether the translator is off, 1 the most pages together. */
type Readable = Translating & { wm: { exports: { get_jit_config(index: number): number } } };

const machines: { destroy(): Promise<void> }[] = [];
afterEach(() => Promise.all(machines.splice(0).map((emulator) => emulator.destroy())));

async function cpu(): Promise<Readable> {
  const { emulator } = await tinyMachine(asm.say("!"));
  machines.push(emulator);
  return (emulator as unknown as { v86: { cpu: Readable } }).v86.cpu;
}

describe("a machine that is attached", () => {
  it("has its pages translated one by one", async () => {
    const { wm } = await cpu();
    expect([0, 1].map((index) => wm.exports.get_jit_config(index))).toEqual([0, 1]);
  });

  it("keeps to that when translation was off for a while", async () => {
    const machine = await cpu();
    const settings = () => [0, 1].map((index) => machine.wm.exports.get_jit_config(index));
    setTranslation(machine, false);
    expect(settings()).toEqual([1, 1]);
    setTranslation(machine, true);
    expect(settings()).toEqual([0, 1]);
  });
});
