/** The interrupt line at the machine's bus, wherever the device is: a guest's own edges come within its access. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, INT, INT_ENABLE, REGISTERS, STS } from "../device/tis/registers.ts";
import { NodeWebSocket, startTestBridge, type TestBridge } from "../node/bridge/test-server.ts";
import { TPM2_Startup } from "../protocol/tpm2/build.ts";
import { deviceWorker } from "../worker/testing/thread-worker.ts";
import { TestBus } from "./testing.ts";
import { attachTpm } from "./tpm.ts";

const createWorker = () => deviceWorker({ webSocket: import.meta.resolve("../node/bridge/test-server.ts") });
let bridge: TestBridge;
beforeEach(async () => {
  bridge = await startTestBridge();
});
afterEach(async () => {
  await bridge.stop();
  vi.unstubAllGlobals();
});

const ALL = INT.DATA_AVAIL | INT.STS_VALID | INT.LOCALITY_CHANGE | INT.COMMAND_READY;

describe.each(["worker", "local"] as const)("placement: %s", (placement) => {
  it("is driven within the access that moves it, and by an answer as soon as that is there", async () => {
    if (placement === "worker") vi.stubGlobal("Worker", class {});
    else vi.stubGlobal("WebSocket", NodeWebSocket);
    const bus = new TestBus();
    const tpm = attachTpm(bus, { placement, createWorker, bridge: bridge.url });
    await tpm.ready;
    const { device } = tpm;
    const write = (register: { offset: number }, value: number, size: 1 | 4 = 1) =>
      device.write(TIS_BASE + register.offset, size, value);
    const read = (register: { offset: number }) => device.read(TIS_BASE + register.offset, 1);
    const levels = () => bus.irqs.map(({ raised }) => raised);
    expect(read(REGISTERS.ACCESS) & ACCESS.VALID).toBe(ACCESS.VALID);
    write(REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    write(REGISTERS.INT_ENABLE, INT_ENABLE.GLOBAL | ALL, 4);
    write(REGISTERS.STS, STS.COMMAND_READY);
    expect(levels()).toEqual([true]);
    write(REGISTERS.INT_STATUS, ALL, 4);
    expect(levels()).toEqual([true, false]);
    for (const byte of TPM2_Startup()) write(REGISTERS.DATA_FIFO, byte);
    write(REGISTERS.STS, STS.TPM_GO);
    await expect.poll(levels).toEqual([true, false, true]);
    write(REGISTERS.INT_STATUS, ALL, 4);
    expect(levels()).toEqual([true, false, true, false]);
    for (let left = 10; left > 0; left--) read(REGISTERS.DATA_FIFO);
    expect(levels()).toEqual([true, false, true, false, true]);
    const done = tpm.reset();
    await done;
    expect(levels()).toEqual([true, false, true, false, true, false]);
    expect(new Set(bus.irqs.map(({ line }) => line))).toEqual(new Set([5]));
    await tpm.close();
  });
});
