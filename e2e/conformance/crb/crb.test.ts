/**
 * The device with locality 0 alone against QEMU's tpm-crb, access by access. Environment: CONFORMANCE_SEED (a number, to
 * repeat or to vary a run), CONFORMANCE_ACCESSES (how many to compare).
 */
import { describe, expect, it } from "vitest";
import { DIFFERENCES } from "../../../src/device/crb/differences.ts";
import { report } from "../report.ts";
import { Runner } from "../runner.ts";
import { compare } from "../session.ts";
import { parseStep } from "../steps.ts";
import { startWorld } from "../world.ts";
import { CRB } from "./interface.ts";

const SEED = Number(process.env.CONFORMANCE_SEED ?? 1);
const ACCESSES = Number(process.env.CONFORMANCE_ACCESSES ?? 40_000);

describe("CRB", () => {
  it("answers random accesses as QEMU does, but for the wanted differences", async () => {
    const totals = await compare(CRB, "2.0", SEED, ACCESSES);
    console.log(report(`CRB, seed ${SEED}`, totals));
    expect(totals.compared).toBeGreaterThanOrEqual(ACCESSES);
    expect(totals.commands).toBeGreaterThan(ACCESSES / 200);
    for (const id of totals.occurrences.keys()) expect(DIFFERENCES).toHaveProperty(id);
    // Each difference that shows in registers has been seen.
    const inRegisters = Object.entries(DIFFERENCES).filter(([, { seenIn }]) => seenIn === "registers");
    for (const [id] of inRegisters) expect([...totals.occurrences.keys()]).toContain(id);
  });

  it("runs a driver's command as QEMU does, without a difference", async () => {
    const world = await startWorld(CRB, "2.0");
    try {
      const runner = new Runner(world);
      const take = async (...lines: string[]) => {
        for (const line of lines) await runner.take(parseStep(line));
        await runner.settle();
      };
      await take(
        "reset",
        "readl 0xfed40030",
        "readl 0xfed40034",
        "writel 0xfed40008 0x1",
        "readb 0xfed4000c",
      );
      const startup = [0x180, 0xc00, 0x4401, 0];
      for (let i = 0; i < 2; i++) {
        await take("writel 0xfed40040 0x1", "readl 0xfed40040", "readl 0xfed40044");
        await take(
          ...startup.map(
            (word, at) => `writel 0x${(0xfed4_0080 + 4 * at).toString(16)} 0x${word.toString(16)}`,
          ),
        );
        await take("writel 0xfed4004c 0x1", "readl 0xfed4004c");
        await take(...[0, 4, 8, 12].map((at) => `readl 0x${(0xfed4_0080 + at).toString(16)}`));
        await take("writel 0xfed40040 0x2", "readl 0xfed40044");
      }
      await take("writel 0xfed40008 0x2", "readl 0xfed40000");
      expect(runner.commands).toBe(4);
      expect([...runner.occurrences]).toEqual([]);
    } finally {
      await world.close();
    }
  });
});
