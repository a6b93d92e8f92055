/** The translator's settings in a real v86. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { asm, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";
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

describe("code that was translated", () => {
  /** A loop that is hot, its result, and a sign of life. */
  const loop = [...asm.times(2_000_000, [0x43]), ...[0x89, 0x1d, ...[0, 0x10, 0, 0]], ...asm.say("!")];

  /** Runs it in a machine of its own. @returns modules that were compiled, and what EBX had become. */
  async function run(): Promise<{ compiled: number; counted: number }> {
    const compile = vi.spyOn(WebAssembly, "compile");
    const { emulator } = await tinyMachine([0xbb, 0, 0, 0, 0, ...loop]);
    machines.push(emulator);
    const said = new Promise((resolve) => emulator.add_listener("serial0-output-byte", resolve));
    emulator.run();
    await said;
    const [low = 0, mid = 0, high = 0] = emulator.read_memory(RESULTS, 3);
    const compiled = compile.mock.calls.length;
    compile.mockRestore();
    return { compiled, counted: low | (mid << 8) | (high << 16) };
  }

  it("is not compiled again for another machine, and does there what it did", async () => {
    const first = await run();
    const second = await run();
    expect(first.counted).toBe(2_000_000);
    expect(second.counted).toBe(2_000_000);
    expect(first.compiled).toBeGreaterThan(0);
    expect(second.compiled).toBe(0);
  });
});
