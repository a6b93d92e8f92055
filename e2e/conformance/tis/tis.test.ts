/**
 * The device against QEMU's tpm-tis, access by access. Environment: CONFORMANCE_SEED (a number, to repeat or to vary
 * a run), CONFORMANCE_ACCESSES (how many to compare for each TPM version).
 */
import { describe, expect, it } from "vitest";
import { DIFFERENCES } from "../../../src/device/tis/differences.ts";
import { report } from "../report.ts";
import { Runner } from "../runner.ts";
import { compare } from "../session.ts";
import { type AccessStep, parseStep } from "../steps.ts";
import { sleep } from "../timeout.ts";
import { startWorld } from "../world.ts";
import { TIS } from "./interface.ts";

const SEED = Number(process.env.CONFORMANCE_SEED ?? 1);
const ACCESSES = Number(process.env.CONFORMANCE_ACCESSES ?? 60_000);
/** Long enough for any answer of swtpm. */
const NO_ANSWER_MS = 500;

describe.each(["2.0", "1.2"] as const)("TPM %s", (version) => {
  it("answers random accesses as QEMU does, but for the wanted differences", async () => {
    const totals = await compare(TIS, version, SEED, ACCESSES);
    console.log(report(`TPM ${version}, seed ${SEED}`, totals));
    expect(totals.compared).toBeGreaterThanOrEqual(ACCESSES);
    expect(totals.commands).toBeGreaterThan(ACCESSES / 200);
    for (const id of totals.occurrences.keys()) expect(DIFFERENCES).toHaveProperty(id);
    for (const id of ["seize-drops-response", "half-command-dropped", "buffer-taken"]) {
      expect([...totals.differences.keys()].join(), `${id} was not seen`).toContain(id);
    }
  });

  it.each([6, 9])("answers a command of %i bytes, for which QEMU waits for ever", async (length) => {
    const world = await startWorld(TIS, version);
    try {
      const runner = new Runner(world, { shortCommands: true });
      const take = async (...lines: string[]) => {
        for (const line of lines) await runner.take(parseStep(line));
        await runner.settle();
      };
      await take("reset", "writeb 0xfed40000 0x2", "writeb 0xfed40018 0x40");
      const bytes = [version === "2.0" ? 0x80 : 0, version === "2.0" ? 1 : 0xc1, 0, 0, 0, length, 0, 0, 1];
      const fill = bytes.slice(0, length).map((byte) => `writeb 0xfed40024 0x${byte.toString(16)}`);
      await take(...fill, "readl 0xfed40018", "writeb 0xfed40018 0x20");
      const look = ["readl 0xfed40018", ...Array.from({ length: 12 }, () => "readb 0xfed40024")];
      await take(...look);
      await sleep(NO_ANSWER_MS);
      await take(...look);
      expect(runner.differences.get("short-command")).toBeGreaterThan(10);
    } finally {
      await world.close();
    }
  });

  it("drives the interrupt line as QEMU does", async () => {
    const world = await startWorld(TIS, version);
    try {
      const runner = new Runner(world);
      const ups: boolean[] = [];
      const take = async (line: string) => {
        await runner.take(parseStep(line));
        await runner.settle();
        const levels = world.sides.map(({ peer }) => peer.irq);
        expect(levels[0], line).toBe(levels[1]);
        ups.push(levels[0]!);
      };
      await take("reset");
      for (const line of [
        "writeb 0xfed40000 0x2",
        "writel 0xfed40008 0x8000009f",
        "writeb 0xfed40018 0x40",
        "writeb 0xfed40010 0x80",
      ]) {
        await take(line);
      }
      expect(ups).toEqual([false, false, false, true, false]);
    } finally {
      await world.close();
    }
  });
});

it("reads steps as they are printed", () => {
  const step: AccessStep = { kind: "access", address: 0x1018, size: 4, value: 0x40 };
  expect(parseStep("writel 0xfed41018 0x40")).toEqual(step);
});
