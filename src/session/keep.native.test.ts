/** A TPM that is kept, moved and put back, as an embedder does it; a real swtpm runs each session. */
import { afterEach, describe, expect, it } from "vitest";
import type { TpmKeep, TpmState } from "../backend/port.ts";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import { counterIn, defineCounter, increment, readIndex } from "../backend/testing/nv-commands.ts";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import { type SwtpmChild, spawnSwtpm } from "../node/bridge/swtpm-process.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build, encodeCommand } from "../protocol/tpm2/index.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import type { OpenTpm } from "./placement.ts";
import { measurements, restoreSnapshot, takeSnapshot } from "./snapshot.ts";
import { TestBus } from "./testing.ts";
import { attachTpm, type Tpm } from "./tpm.ts";

const tpms: Tpm[] = [];
const children: SwtpmChild[] = [];
afterEach(async () => {
  await Promise.all(tpms.splice(0).map((tpm) => tpm.close()));
  await Promise.all(children.splice(0).map((child) => child.stop()));
});

const openHere =
  (label: string): OpenTpm =>
  async (state) => {
    const child = await spawnSwtpm({ version: "2.0" });
    children.push(child);
    const backend = new SwtpmBackend(child.channels, { version: "2.0", owned: true });
    return { backend, info: await backend.start(state ? { state } : {}), label };
  };

class Memory implements TpmKeep {
  state: TpmState | undefined;
  problem: Error | undefined;
  async load() {
    if (this.problem) throw this.problem;
    return this.state;
  }
  async save(state: TpmState) {
    if (this.problem) throw this.problem;
    this.state = structuredClone(state);
  }
}

async function start(keep?: TpmKeep, registers: "TIS" | "CRB" = "TIS") {
  const bus = new TestBus();
  const tpm = attachTpm(bus, { open: openHere("the first"), interface: registers, ...(keep && { keep }) });
  tpms.push(tpm);
  await tpm.ready;
  return { bus, tpm };
}

async function ok(tpm: Tpm, command: Uint8Array): Promise<Uint8Array> {
  const response = await tpm.command(command);
  expect(responseCode(response)).toBe(0);
  return response;
}

const EXTEND = build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(9) }]);
const PCR16 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [16] }]);
const SEQUENCE = encodeCommand("HashSequenceStart", { parameters: { hashAlg: "SHA256" } });
const OBJECTS = build.TPM2_GetCapability(1, 0x8000_0000, 4);
const put = (tpm: Tpm, { offset }: { offset: number }, value: number) =>
  tpm.write(TIS_BASE + offset, 1, value);

describe("a kept TPM", () => {
  it("is the same one after a crash, and again after the next reset", async () => {
    const keep = new Memory();
    const { tpm } = await start(keep);
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, defineCounter());
    await ok(tpm, increment());
    const counted = counterIn(await ok(tpm, readIndex()));
    process.kill(children[0]!.pid, "SIGKILL");
    await tpm.reset();
    await ok(tpm, build.TPM2_Startup());
    expect(counterIn(await ok(tpm, readIndex()))).toBe(counted);

    const { tpm: later } = await start(keep);
    await ok(later, build.TPM2_Startup());
    expect(counterIn(await ok(later, readIndex()))).toBe(counted);
  });

  it("that cannot be saved fails with words, and has lost nothing that was answered", async () => {
    const keep = new Memory();
    const { tpm } = await start(keep);
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, defineCounter());
    await ok(tpm, increment());
    const counted = counterIn(await ok(tpm, readIndex()));
    keep.problem = new Error("there is no room");
    expect(responseCode(await tpm.command(increment()))).toBe(0x101);
    expect(tpm.status).toMatchObject({ phase: "failed" });
    expect(tpm.status.message).toMatch(
      /its state could not be saved: there is no room\. .*Reset the machine/,
    );
    await expect(tpm.reset()).rejects.toThrow("there is no room");
    keep.problem = undefined;
    await tpm.reset();
    await ok(tpm, build.TPM2_Startup());
    expect(counterIn(await ok(tpm, readIndex()))).toBe(counted);
  });

  it("takes a snapshot's state into the keep: the counter goes back", async () => {
    const keep = new Memory();
    const { tpm } = await start(keep);
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, defineCounter());
    await ok(tpm, increment());
    const snapshot = await tpm.snapshot();
    const counted = counterIn(await ok(tpm, readIndex()));
    await ok(tpm, increment());
    await tpm.restore(structuredClone(snapshot));
    expect(counterIn(await ok(tpm, readIndex()))).toBe(counted);
    process.kill(children.at(-1)!.pid, "SIGKILL");
    await tpm.reset();
    await ok(tpm, build.TPM2_Startup());
    expect(counterIn(await ok(tpm, readIndex()))).toBe(counted);
  });
});

describe("going back to a snapshot", () => {
  /** A machine of which only the TPM is real. */
  const machine = (bus: TestBus, tpm: Tpm, refusal?: string) => ({
    tpm,
    bus: Object.assign(bus, { stopped: true, setTime: () => undefined, clock: { microtick: () => 0 } }),
    emulator: {
      save_state: async () => new ArrayBuffer(8),
      restore_state: () => (refusal ? Promise.reject(new Error(refusal)) : Promise.resolve()),
    },
  });
  const keptCounter = async (keep: Memory) => {
    const { tpm } = await start(keep);
    await ok(tpm, build.TPM2_Startup());
    return counterIn(await ok(tpm, readIndex()));
  };

  it("changes what is kept when all of the machine has gone back, and not before", async () => {
    const keep = new Memory();
    const { bus, tpm } = await start(keep);
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, defineCounter());
    await ok(tpm, increment());
    const then = counterIn(await ok(tpm, readIndex()));
    const state = await takeSnapshot(machine(bus, tpm));
    await ok(tpm, increment());
    const now = counterIn(await ok(tpm, readIndex()));
    expect(now).toBe(then + 1);

    const { bus: otherBus, tpm: other } = await start(keep);
    const broken = machine(otherBus, other, "another memory size");
    await expect(restoreSnapshot(broken, structuredClone(state))).rejects.toThrow("another memory size");
    // Whoever lets it run all the same gets no kept TPM by it, until it is the kept one again.
    await other.command(increment());
    expect(await keptCounter(keep)).toBe(now);
    await other.reset();
    await ok(other, build.TPM2_Startup());
    expect(counterIn(await ok(other, readIndex()))).toBe(now);

    // A refusal before anything has changed takes nothing from the TPM that runs.
    const { bus: crbBus, tpm: crb } = await start(keep, "CRB");
    await expect(restoreSnapshot(machine(crbBus, crb), structuredClone(state))).rejects.toThrow(RangeError);
    await ok(crb, build.TPM2_Startup());
    await ok(crb, increment());
    expect(await keptCounter(keep)).toBe(now + 1);

    const { bus: thirdBus, tpm: third } = await start(keep);
    keep.problem = new Error("there is no room");
    await expect(restoreSnapshot(machine(thirdBus, third), structuredClone(state))).rejects.toThrow(
      "there is no room",
    );
    keep.problem = undefined;
    expect(await keptCounter(keep)).toBe(now + 1);

    const { bus: lastBus, tpm: last } = await start(keep);
    await restoreSnapshot(machine(lastBus, last), structuredClone(state));
    expect(await keptCounter(keep)).toBe(then);
    await ok(last, increment());
    expect(await keptCounter(keep)).toBe(now);
  });
});

describe("a TPM that moves", () => {
  it("goes on elsewhere and comes back, in the middle of a command, with all that it has", async () => {
    const keep = new Memory();
    const { bus, tpm } = await start(keep);
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, EXTEND);
    await ok(tpm, SEQUENCE);
    await ok(tpm, defineCounter());
    await ok(tpm, increment());
    const before = [await ok(tpm, PCR16), await ok(tpm, OBJECTS), await ok(tpm, readIndex())].map(toHex);
    put(tpm, REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    put(tpm, REGISTERS.STS, STS.COMMAND_READY);
    for (const byte of PCR16.subarray(0, 7)) put(tpm, REGISTERS.DATA_FIFO, byte);
    bus.held.length = 0;
    await tpm.moveTo({ open: openHere("the second") });
    expect(bus.held).toEqual(["TPM move"]);
    expect(tpm.status).toMatchObject({ phase: "ready", backendLabel: "the second" });
    for (const byte of PCR16.subarray(7)) put(tpm, REGISTERS.DATA_FIFO, byte);
    put(tpm, REGISTERS.STS, STS.TPM_GO);
    await tpm.moveTo({ open: openHere("the third") });
    const response: number[] = [];
    while (tpm.read(TIS_BASE + REGISTERS.STS.offset, 1) & STS.DATA_AVAIL)
      response.push(tpm.read(TIS_BASE + REGISTERS.DATA_FIFO.offset, 1));
    expect(toHex(Uint8Array.from(response))).toBe(before[0]);
    put(tpm, REGISTERS.ACCESS, ACCESS.ACTIVE_LOCALITY);
    expect([await ok(tpm, PCR16), await ok(tpm, OBJECTS), await ok(tpm, readIndex())].map(toHex)).toEqual(
      before,
    );
    // The ones that were left are gone, and nobody takes their end for a failure.
    process.kill(children[2]!.pid, 0);
    await ok(tpm, increment());
    await tpm.reset();
    await ok(tpm, build.TPM2_Startup());
    expect(tpm.status.backendLabel).toBe("the third");
  });

  it("stays where it is when the other place does not take it", async () => {
    const { tpm } = await start();
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, EXTEND);
    const pcr = toHex(await ok(tpm, PCR16));
    const nowhere: OpenTpm = () => Promise.reject(new Error("no room here"));
    await expect(tpm.moveTo({ open: nowhere })).rejects.toThrow("no room here");
    expect(toHex(await ok(tpm, PCR16))).toBe(pcr);
    expect(tpm.status).toMatchObject({ phase: "ready", backendLabel: "the first" });
  });
});

it("another TPM stands in for the one that a guest was measured with: same PCRs, other seeds", async () => {
  const { tpm } = await start();
  await ok(tpm, build.TPM2_Startup());
  await ok(tpm, EXTEND);
  await ok(tpm, build.TPM2_GetRandom(4));
  await ok(tpm, EXTEND);
  const snapshot = await tpm.snapshot();
  const commands = measurements({ tpm });
  expect(commands.map((command) => toHex(command.subarray(6, 10)))).toEqual([
    "00000144",
    "00000182",
    "00000182",
  ]);
  const { tpm: other } = await start();
  await other.standIn(snapshot, commands);
  expect(toHex(await ok(other, PCR16))).toBe(toHex(await ok(tpm, PCR16)));
  const random = build.TPM2_GetRandom(16);
  expect(toHex(await ok(other, random))).not.toBe(toHex(await ok(tpm, random)));
});
