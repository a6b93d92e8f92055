import { describe, expect, it } from "vitest";
import { TestBus } from "../session/testing.ts";
import { BusToCome } from "./bus-to-come.ts";

const device = { read: () => 0, write: () => undefined };
const window = { base: 0xfed4_0000, size: 0x5000 };

describe("the bus of a machine to come", () => {
  it("passes on what was asked for, in order, and goes on doing so", () => {
    const early = new BusToCome();
    let resets = 0;
    early.attach(window, device);
    early.setFirmwareFile("a", Uint8Array.of(1));
    early.setFirmwareFile("b", Uint8Array.of(2));
    early.removeFirmwareFile("a");
    const end = early.onReset(() => resets++);
    early.onReset(() => (resets += 10))();
    const bus = new TestBus();
    early.become(bus);
    expect(bus.devices).toEqual([{ window, device }]);
    expect(Array.from(bus.files)).toEqual([["b", Uint8Array.of(2)]]);
    bus.reset();
    expect(resets).toBe(1);
    end();
    bus.reset();
    expect(resets).toBe(1);
    early.setIrq(5, true);
    expect(bus.irqs).toEqual([{ line: 5, raised: true }]);
    expect(early.clock).toBe(bus.clock);
  });

  it("holds the machine from its first moment, unless released before", () => {
    const early = new BusToCome();
    const first = early.hold("one");
    early.hold("two")();
    expect(early.holds).toEqual(["one"]);
    expect(early.clock.frozen).toBe(true);
    const bus = new TestBus();
    early.become(bus);
    expect(bus.held).toEqual(["one"]);
    const third = early.hold("three");
    expect(early.holds).toEqual(["one", "three"]);
    first();
    third();
    expect(bus.holds).toEqual([]);
  });
});
