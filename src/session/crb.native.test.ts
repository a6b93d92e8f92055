/** A TPM behind the command response buffer: the guest's commands, those by hand, snapshots, failure. A real swtpm. */
import { afterEach, describe, expect, it } from "vitest";
import { crbFrontEnd } from "../device/crb/front-end.ts";
import { CRB_BASE, LOCALITY_SIZE } from "../device/crb/ports.ts";
import {
  CTRL_REQ,
  CTRL_START,
  INT_ENABLE,
  LOC_CTRL,
  LOC_STS,
  REGISTERS,
  type RegisterKey,
} from "../device/crb/registers.ts";
import { type NativeBackend, startNativeBackend } from "../node/bridge/native-backend.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build } from "../protocol/tpm2/index.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import type { OpenTpm } from "../worker/keeping.ts";
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

async function attach(kind: Parameters<typeof crbFrontEnd>[0] = {}) {
  const frontEnd = crbFrontEnd(kind);
  const bus = new TestBus();
  const tpm = attachTpm(bus, { open, frontEnd });
  tpms.push(tpm);
  await tpm.ready;
  const at = (register: RegisterKey, locality = 0) =>
    CRB_BASE + locality * LOCALITY_SIZE + REGISTERS[register].offset;
  const read = (register: RegisterKey, locality = 0) => tpm.device.read(at(register, locality), 4);
  const write = (register: RegisterKey, value: number, locality = 0) =>
    tpm.device.write(at(register, locality), 4, value);
  return {
    bus,
    tpm,
    read,
    write,
    /** As a guest's driver at a locality of its own. */
    send(command: Uint8Array, locality = 0) {
      write("LOC_CTRL", LOC_CTRL.REQUEST_ACCESS, locality);
      write("CTRL_REQ", CTRL_REQ.CMD_READY, locality);
      for (const [i, byte] of command.entries()) tpm.device.write(at("DATA_BUFFER", locality) + i, 1, byte);
      write("CTRL_START", CTRL_START.START, locality);
    },
    ended: () => expect.poll(() => read("CTRL_START")).toBe(0),
    bytes: (length: number, locality = 0) =>
      Uint8Array.from({ length }, (_, i) => tpm.device.read(at("DATA_BUFFER", locality) + i, 1)),
    release() {
      write("CTRL_REQ", CTRL_REQ.GO_IDLE);
      write("LOC_CTRL", LOC_CTRL.RELINQUISH);
    },
  };
}

const EXTEND = build.TPM2_PCR_Extend(4, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(9) }]);
const PCR4 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [4] }]);

describe("the command response buffer", () => {
  it("runs the guest's commands and those by hand, between the guest's, and interrupts", async () => {
    const { bus, tpm, read, write, send, ended, bytes, release } = await attach();
    expect(bus.devices[0]!.window).toEqual({ base: 0xfed4_0000, size: 0x5000 });
    expect(responseCode(await tpm.command(build.TPM2_Startup()))).toBe(0);
    write("INT_ENABLE", INT_ENABLE.GLOBAL | INT_ENABLE.START);
    send(EXTEND);
    expect(read("CTRL_START")).toBe(1);
    await expect(tpm.command(PCR4)).rejects.toThrow("locality 0");
    await ended();
    expect(responseCode(bytes(19))).toBe(0);
    expect(bus.irqs).toEqual([{ line: 5, raised: true }]);
    write("INT_STS", read("INT_STS"));
    expect(bus.irqs.at(-1)).toEqual({ line: 5, raised: false });
    release();
    const byHand = toHex(await tpm.command(PCR4));
    send(PCR4);
    await ended();
    expect(toHex(bytes(byHand.length / 2))).toBe(byHand);
    release();
    const origins = tpm.commands.map(({ origin, name }) => `${origin} ${name}`);
    expect(origins).toContain("guest TPM2_PCR_Extend");
  });

  it("lets a command run at its locality, and takes it from a lower one by a seize", async () => {
    const { tpm, read, write, send, bytes } = await attach();
    await tpm.command(build.TPM2_Startup());
    send(PCR4, 1);
    write("LOC_CTRL", LOC_CTRL.SEIZE, 2);
    await expect.poll(() => read("LOC_STS", 2)).toBe(LOC_STS.GRANTED);
    expect(read("LOC_STS", 1)).toBe(LOC_STS.BEEN_SEIZED);
    // PCR 21 can be reset from localities 2 and above alone: the TPM is told where the command comes from.
    const reset = Uint8Array.of(
      ...[0x80, 0x02, 0, 0, 0, 27, 0, 0, 0x01, 0x3d, 0, 0, 0, 21],
      ...[0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0],
    );
    send(reset, 2);
    await expect.poll(() => read("CTRL_START", 2)).toBe(0);
    expect(responseCode(bytes(10, 2))).toBe(0);
    write("LOC_CTRL", LOC_CTRL.RELINQUISH, 2);
    send(reset, 0);
    await expect.poll(() => read("CTRL_START", 0)).toBe(0);
    expect(responseCode(bytes(10, 0))).toBe(0x907);
  });

  it("is saved and put back in the middle of a command, and starts over with the machine", async () => {
    const { bus, tpm, read, send, ended, bytes, release } = await attach();
    await tpm.command(build.TPM2_Startup());
    await tpm.command(EXTEND);
    send(PCR4);
    const snapshot = structuredClone(await tpm.snapshot());
    expect(snapshot.device).toMatchObject({ format: "webtpm-crb", tpmVersion: "2.0" });
    await ended();
    const pcr = toHex(bytes(60));
    bus.reset();
    await expect.poll(() => bus.holds).toEqual([]);
    expect([read("CTRL_STS"), read("LOC_STS")]).toEqual([2, 0]);
    await tpm.restore(snapshot);
    await ended();
    expect(toHex(bytes(60))).toBe(pcr);
    release();
    await expect(
      tpm.restore({ ...snapshot, device: { ...snapshot.device, format: "webtpm-tis" } }),
    ).rejects.toThrow("has the TIS interface, and this one's has the CRB interface");
  });

  it("goes dead with its TPM, and on again with a reset", async () => {
    const { tpm, read, send } = await attach();
    process.kill(natives[0]!.swtpm.pid, "SIGKILL");
    await expect.poll(() => tpm.status.phase).toBe("failed");
    send(build.TPM2_Startup());
    await expect.poll(() => read("LOC_STATE")).toBe(0);
    await tpm.reset();
    expect(read("LOC_STATE")).toBe(0x81);
  });

  it("has room for large commands in chunks", async () => {
    const { tpm } = await attach({ chunks: true });
    await tpm.command(build.TPM2_Startup());
    // A TPM hashes at most 1024 bytes at once: it has seen the whole of the command to say so.
    const hash = new Uint8Array(4090);
    hash.set([0x80, 1, 0, 0, 0x0f, 0xfa, 0, 0, 0x01, 0x7d, 0x0f, 0xe8]);
    expect(responseCode(await tpm.command(hash))).toBe(0x1d5);
  });
});
