import { describe, expect, it } from "vitest";
import type { Maker } from "../../eventlog/index.ts";
import type { SeenExtend } from "../../page-model/chains.ts";
import type { BootTape } from "../../recording/index.ts";
import { phaseAt, phasesOf } from "./phases.ts";
import { inside, pan, ticks, zoom } from "./span.ts";

const ALL = { from: 0, to: 1000 };

describe("the span in sight", () => {
  it("zooms around a moment that stays where it is", () => {
    expect(zoom(ALL, ALL, 0.5, 250)).toEqual({ from: 125, to: 625 });
    expect(zoom({ from: 125, to: 625 }, ALL, 4, 250)).toEqual(ALL);
  });

  it("stays within the boot", () => {
    expect(pan({ from: 100, to: 300 }, ALL, -1)).toEqual({ from: 0, to: 200 });
    expect(pan({ from: 700, to: 900 }, ALL, 1)).toEqual({ from: 800, to: 1000 });
    expect(inside({ from: -5, to: 2000 }, ALL)).toEqual(ALL);
  });

  it("has round values on its axis", () => {
    expect(ticks({ from: 130, to: 1900 }, 5)).toEqual([500, 1000, 1500]);
    expect(ticks({ from: 0, to: 0 }, 5)).toEqual([]);
  });
});

const seen = (startedAt: number, pcr: number, maker: Maker) =>
  ({
    maker,
    text: "",
    change: { kind: "extend", pcr, digests: [], record: { startedAt, duration: 10 } },
  }) as unknown as SeenExtend;
const tape = (...serial: [number, string][]): BootTape => ({
  label: "",
  tpm: "2.0",
  epoch: 0,
  start: 100,
  serial: serial.map(([time, text]) => ({ time, bytes: new TextEncoder().encode(text) })),
  pcrs: [],
  log: [],
});

describe("the phases", () => {
  const boot = tape(
    [900, "[    0.123456] Linux version 6.1\r\n"],
    [1500, "Welcome\r\n"],
    [1700, "\r\nwebtpm# "],
    [1800, "x"],
  );

  it("follow each other", () => {
    const phases = phasesOf(
      boot,
      [seen(200, 0, "firmware"), seen(600, 9, "direct boot"), seen(700, 8, "direct boot")],
      2000,
    );
    expect(phases).toEqual([
      { name: "firmware", from: 100, to: 600 },
      { name: "option ROM", from: 600, to: 710 },
      { name: "kernel", from: 710, to: 1500 },
      { name: "init", from: 1500, to: 1700 },
      { name: "shell", from: 1700, to: 2000 },
    ]);
    expect(phaseAt(phases, 650)).toBe("option ROM");
    expect(phaseAt(phases, 50)).toBeUndefined();
  });

  it("need no measuring option ROM", () => {
    const names = phasesOf(boot, [seen(200, 0, "firmware"), seen(300, 4, "firmware")], 2000).map(
      ({ name }) => name,
    );
    expect(names).toEqual(["firmware", "kernel", "init", "shell"]);
  });

  it("are only the first at first", () => {
    expect(phasesOf(tape(), [], 500)).toEqual([{ name: "firmware", from: 100, to: 500 }]);
  });
});
