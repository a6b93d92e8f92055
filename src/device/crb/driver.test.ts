import { describe, expect, it } from "vitest";
import { CRB_DRIVER } from "./driver.ts";
import { Bench, packet, STARTUP, SUCCESS } from "./testing.ts";

describe("the driver of commands by hand", () => {
  it("sends, takes and gives back", () => {
    const { device, sink } = new Bench();
    expect(CRB_DRIVER.obstacle(device, device.view)).toBeUndefined();
    CRB_DRIVER.send(device, STARTUP);
    expect(sink.executed).toEqual([{ locality: 0, command: STARTUP }]);
    expect(CRB_DRIVER.answered(device)).toBe(false);
    device.complete(packet(301, 0));
    expect(CRB_DRIVER.take(device)).toEqual(packet(301, 0));
    CRB_DRIVER.release(device);
    expect(device.view.activeLocality).toBe(-1);
  });

  it("waits for a guest that has the TPM, and says why", () => {
    const bench = new Bench();
    const { device } = bench;
    bench.ready(1);
    expect(CRB_DRIVER.obstacle(device, device.view)).toContain("has the TPM (locality 1, state ready)");
    bench.send(STARTUP, 1);
    expect(CRB_DRIVER.obstacle(device, device.view)).toContain("runs a command of the guest's (locality 1)");
    device.fail();
    expect(CRB_DRIVER.obstacle(device, device.view)).toBe("dead");
  });

  it("refuses what is no command, and takes nothing from a dead TPM", () => {
    const { device, sink } = new Bench();
    expect(() => CRB_DRIVER.send(device, packet(20).subarray(0, 12))).toThrow("the 12 bytes that it has");
    CRB_DRIVER.send(device, STARTUP);
    expect(sink.executed.length).toBe(1);
    device.complete(SUCCESS);
    device.fail();
    expect(CRB_DRIVER.answered(device)).toBe(false);
    expect(CRB_DRIVER.take(device)).toBeUndefined();
  });
});
