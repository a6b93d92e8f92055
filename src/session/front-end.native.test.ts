/** A TPM behind a register interface that is none of this project's: engine and session know it by its port alone. */
import { afterEach, describe, expect, it } from "vitest";
import {
  ALIVE,
  BASE,
  COMPLETION,
  DOORBELL,
  DOORBELL_REGISTERS,
  EXECUTION,
  IDLE,
  RING,
} from "../device/frontend/testing/doorbell.ts";
import { type NativeBackend, startNativeBackend } from "../node/bridge/native-backend.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build } from "../protocol/tpm2/index.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import type { OpenTpm } from "../worker/keeping.ts";
import { whyNotWorker } from "./placement.ts";
import { TestBus } from "./testing.ts";
import { attachTpm, type Tpm } from "./tpm.ts";

const natives: NativeBackend[] = [];
const tpms: Tpm[] = [];
afterEach(async () => {
  await Promise.all(tpms.splice(0).map((tpm) => tpm.close()));
  await Promise.all(natives.splice(0).map((native) => native.stop()));
});

const open: OpenTpm = async (state) => {
  const native = await startNativeBackend(state ? { state } : {});
  natives.push(native);
  return { backend: native.backend, info: native.info, label: "" };
};

async function attach() {
  const bus = new TestBus();
  const tpm = attachTpm(bus, { open, frontEnd: DOORBELL });
  tpms.push(tpm);
  await tpm.ready;
  const ring = (value: number) => tpm.device.write(BASE + DOORBELL_REGISTERS.BELL, 4, value);
  return {
    bus,
    tpm,
    ring,
    status: () => tpm.device.read(BASE + DOORBELL_REGISTERS.STATUS, 4),
    send: (command: Uint8Array) => DOORBELL.driver.send(tpm.device, command),
    take: () => toHex(DOORBELL.driver.take(tpm.device) ?? new Uint8Array()),
  };
}

const EXTEND = build.TPM2_PCR_Extend(4, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(9) }]);
const PCR4 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [4] }]);

describe("another register interface", () => {
  it("is at its own place on the bus, runs the guest's commands and those by hand, and interrupts", async () => {
    const { bus, tpm, send, status, take, ring } = await attach();
    expect(bus.devices[0]!.window).toEqual(DOORBELL.window);
    expect(tpm.status.placement).toBe("local");
    expect(whyNotWorker(DOORBELL)).toMatch(/registers are the embedder's own/);
    expect(responseCode(await tpm.command(build.TPM2_Startup()))).toBe(0);
    tpm.device.write(BASE + DOORBELL_REGISTERS.INT_ENABLE, 4, 1);
    send(EXTEND);
    expect(status()).toBe(ALIVE | EXECUTION);
    await expect(tpm.command(PCR4)).rejects.toThrow("somebody has the doorbell");
    await expect.poll(status).toBe(ALIVE | COMPLETION);
    expect(take()).toMatch(/^8002000000130000000000/);
    expect(bus.irqs).toEqual([{ line: 5, raised: true }]);
    ring(RING.DONE);
    expect((await tpm.pcrs()).length).toBeGreaterThan(0);
    expect(tpm.commands.map(({ origin, name }) => `${origin} ${name}`)).toContain("guest TPM2_PCR_Extend");
  });

  it("is saved and put back, in the middle of a command too, and starts over with the machine", async () => {
    const { bus, tpm, send, status, take } = await attach();
    await tpm.command(build.TPM2_Startup());
    await tpm.command(EXTEND);
    send(PCR4);
    const snapshot = structuredClone(await tpm.snapshot());
    expect(snapshot.device).toMatchObject({ format: "doorbell", tpmVersion: "2.0" });
    const pcr = take();
    bus.reset();
    await expect.poll(() => bus.holds).toEqual([]);
    expect(status()).toBe(ALIVE | IDLE);
    await tpm.restore(snapshot);
    expect(status()).toBe(ALIVE | COMPLETION);
    expect(take()).toBe(pcr);
    DOORBELL.driver.release(tpm.device);
    const again = await tpm.command(PCR4);
    expect(toHex(again)).toBe(pcr);
    await expect(
      tpm.restore({ ...snapshot, device: { ...snapshot.device, format: "webtpm-tis" } }),
    ).rejects.toThrow("no doorbell's snapshot");
  });

  it("tells its moves, and goes dead and on again with its TPM", async () => {
    const { tpm, status, send } = await attach();
    const moves: string[] = [];
    tpm.on("move", ({ move }) => moves.push(move.kind === "state" ? move.to : move.kind));
    send(build.TPM2_Startup());
    await expect.poll(() => moves).toEqual(["ready", "execution", "completion"]);
    process.kill(natives[0]!.swtpm.pid, "SIGKILL");
    await expect.poll(() => tpm.status.phase).toBe("failed");
    DOORBELL.driver.release(tpm.device);
    expect(status()).toBe(0);
    await tpm.reset();
    expect(status()).toBe(ALIVE | IDLE);
  });
});
