import { describe, expect, it } from "vitest";
import { EVENT_TYPES } from "../../../protocol/eventlog/event-types.ts";
import type { LogEvent, Maker } from "../../../protocol/eventlog/index.ts";
import type { BootTape } from "../../../session/recording/index.ts";
import type { SeenExtend } from "../../model/chains.ts";
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

  it("have a boot loader where one names itself, for as long as it waits", () => {
    const firmware = [seen(200, 0, "firmware"), seen(300, 4, "firmware")];
    const menu = tape([400, "\u001b[2J GNU GRUB  version 2.06\r\n"], [500, "Debian GNU/Linux\r\n# "]);
    expect(phasesOf(menu, firmware, 9000)).toEqual([
      { name: "firmware", from: 100, to: 310 },
      { name: "boot loader", from: 310, to: 9000 },
    ]);
    const chosen = { ...menu, serial: [...menu.serial, ...boot.serial] };
    expect(phasesOf(chosen, firmware, 2000).map(({ name, from }) => [name, from])).toEqual([
      ["firmware", 100],
      ["boot loader", 310],
      ["kernel", 900],
      ["init", 1500],
      ["shell", 1700],
    ]);
  });

  it("are those of UEFI where its firmware measures itself", () => {
    const measured = (at: number, type: keyof typeof EVENT_TYPES, text = "") => ({
      ...seen(at, 0, "firmware"),
      event: { type: EVENT_TYPES[type].id, data: new TextEncoder().encode(text) } as LogEvent,
    });
    const firmware = [
      measured(200, "EV_S_CRTM_VERSION"),
      measured(250, "EV_EFI_PLATFORM_FIRMWARE_BLOB"),
      measured(300, "EV_EFI_PLATFORM_FIRMWARE_BLOB"),
      measured(350, "EV_EFI_VARIABLE_DRIVER_CONFIG"),
      measured(400, "EV_EFI_VARIABLE_BOOT"),
      measured(500, "EV_EFI_BOOT_SERVICES_APPLICATION"),
      measured(600, "EV_EFI_ACTION", "Exit Boot Services Invocation"),
      measured(700, "EV_EFI_ACTION", "Exit Boot Services Returned with Success"),
    ];
    expect(phasesOf(boot, firmware, 2000)).toEqual([
      { name: "SEC", from: 100, to: 200 },
      { name: "PEI", from: 200, to: 310 },
      { name: "DXE", from: 310, to: 400 },
      { name: "BDS", from: 400, to: 500 },
      { name: "boot loader", from: 500, to: 710 },
      { name: "kernel", from: 710, to: 1500 },
      { name: "init", from: 1500, to: 1700 },
      { name: "shell", from: 1700, to: 2000 },
    ]);
    expect(phasesOf(tape(), firmware.slice(0, 3), 320).map(({ name }) => name)).toEqual(["SEC", "PEI"]);
  });

  it("are none of a boot for a machine that goes on from where it was saved", () => {
    const phases = phasesOf({ ...boot, resumed: true }, [], 2000);
    expect(phases).toEqual([{ name: "goes on", from: 100, to: 2000 }]);
  });

  it("are only the first at first", () => {
    expect(phasesOf(tape(), [], 500)).toEqual([{ name: "firmware", from: 100, to: 500 }]);
  });
});
