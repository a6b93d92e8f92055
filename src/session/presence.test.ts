/** Physical presence on a bus without a machine; presence.machine.test.ts has the firmware and the guest. */
import { describe, expect, it } from "vitest";
import { PPI_CONFIG_FILE } from "../device/ppi/config.ts";
import { PPI_FIELDS, PPI_RESULT, PPI_WINDOW } from "../device/ppi/layout.ts";
import { PRESENCE_ROM_FILE } from "../machine/rom/index.ts";
import { PhysicalPresence } from "./presence.ts";
import { TestBus } from "./testing.ts";

function make() {
  const bus = new TestBus();
  const presence = new PhysicalPresence(bus);
  bus.onReset(() => presence.machineReset());
  presence.announce("2.0");
  const { device } = bus.devices[0]!;
  const write = ({ offset }: { offset: number }, value: number) =>
    device.write(PPI_WINDOW.base + offset, 4, value);
  return { bus, presence, write };
}

/** What the option ROM does. */
function carryOut(write: ReturnType<typeof make>["write"], operation: number, result: number): void {
  write(PPI_FIELDS.PPRQ, 0);
  write(PPI_FIELDS.LPPR, operation);
  write(PPI_FIELDS.PPRP, result);
}

describe("physical presence", () => {
  it("puts the option ROM before the firmware for the one boot that something was asked for", async () => {
    const { bus, presence, write } = make();
    bus.reset();
    expect(bus.files.has(PRESENCE_ROM_FILE)).toBe(false);
    write(PPI_FIELDS.PPRQ, 5);
    await Promise.resolve();
    expect(presence.status).toEqual({
      pending: { operation: 5, parameter: 0, by: "guest" },
      overwrite: false,
      overwritten: false,
    });
    expect(bus.files.has(PRESENCE_ROM_FILE)).toBe(false);
    bus.reset();
    expect(bus.files.has(PRESENCE_ROM_FILE)).toBe(true);
    carryOut(write, 5, PPI_RESULT.SUCCESS);
    bus.reset();
    expect(bus.files.has(PRESENCE_ROM_FILE)).toBe(false);
    expect(presence.status.last).toEqual({ operation: 5, parameter: 0, by: "guest", result: 0 });
    expect(presence.status.pending).toBeUndefined();
  });

  it("knows what the page asked for, and takes it back", async () => {
    const { presence, write } = make();
    presence.request(23, 3);
    await Promise.resolve();
    expect(presence.status.pending).toEqual({ operation: 23, parameter: 3, by: "page" });
    presence.request(0, 0);
    await Promise.resolve();
    expect(presence.status.pending).toBeUndefined();
    write(PPI_FIELDS.PPRQ, 5);
    await Promise.resolve();
    expect(presence.status.pending?.by).toBe("guest");
    expect(() => presence.request(1, 0)).toThrow("the firmware carries out no operation 1 for a TPM 2.0");
    presence.announce("unspecified");
    expect(() => presence.request(5, 0)).toThrow("there is no TPM that works");
  });

  it("tells the firmware of it while there is a TPM", () => {
    const { bus, presence } = make();
    expect(bus.files.get(PPI_CONFIG_FILE)?.[4]).toBe(2);
    presence.announce("unspecified");
    expect(bus.files.has(PPI_CONFIG_FILE)).toBe(false);
  });

  it("overwrites the memory once, at the reset after it was asked for", () => {
    const { bus, presence, write } = make();
    bus.reset();
    expect([bus.cleared, presence.status.overwritten]).toEqual([0, false]);
    write(PPI_FIELDS.MOVV, 0x11);
    expect(presence.status).toMatchObject({ overwrite: true, overwritten: false });
    bus.reset();
    expect(bus.cleared).toBe(1);
    expect(presence.status).toMatchObject({ overwrite: false, overwritten: true });
    bus.reset();
    expect([bus.cleared, presence.status.overwritten]).toEqual([1, false]);
    // With a request besides, firmware resets the machine once more.
    write(PPI_FIELDS.MOVV, 1);
    write(PPI_FIELDS.PPRQ, 5);
    bus.reset();
    carryOut(write, 5, PPI_RESULT.SUCCESS);
    bus.reset();
    expect([bus.cleared, presence.status.overwritten]).toEqual([2, true]);
    bus.reset();
    expect([bus.cleared, presence.status.overwritten]).toEqual([2, false]);
    presence.end();
    write(PPI_FIELDS.MOVV, 1);
    bus.reset();
    expect(bus.cleared).toBe(2);
  });

  it("is put back from a snapshot, with whom it was asked by unknown; an older one has none", async () => {
    const { presence } = make();
    presence.request(5, 0);
    const saved = presence.save();
    const other = make();
    other.presence.restore(saved);
    await Promise.resolve();
    expect(other.presence.status.pending).toMatchObject({ operation: 5 });
    expect(other.presence.save()).toEqual(saved);
    other.presence.restore(new Uint8Array(0));
    expect(other.presence.status.pending).toBeUndefined();
    expect(other.presence.save()[5]).toBe(4);
  });
});
