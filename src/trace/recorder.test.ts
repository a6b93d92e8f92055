/** The recorder between a driver and a real device: what it notes, and where it stops. */
import { describe, expect, it } from "vitest";
import type { AccessTap, TpmEvents } from "../session/types.ts";
import { TisDevice } from "../tis/device.ts";
import { type AccessSize, type MmioDevice, TIS_BASE } from "../tis/ports.ts";
import { ACCESS, REGISTERS, type RegisterKey, STS } from "../tis/registers.ts";
import type { Breakpoint } from "./breakpoints.ts";
import { type TracedMachine, TraceRecorder } from "./recorder.ts";
import { TraceRing } from "./ring.ts";

const at = (key: RegisterKey, locality = 0) => TIS_BASE + locality * 0x1000 + REGISTERS[key].offset;
const GET_RANDOM = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8];
const REFUSED = [0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x01];

/** A machine that stops at once; its guest is the test. */
class StillMachine implements TracedMachine {
  holds = 0;
  precise = false;
  hold(): () => void {
    this.holds++;
    let released = false;
    return () => {
      if (!released) this.holds--;
      released = true;
    };
  }
  settled = async () => {};
  endSlice(): void {}
  setPrecise(on: boolean): void {
    this.precise = on;
  }
}

function world(response: readonly number[] = REFUSED) {
  const device = new TisDevice({
    version: "2.0",
    sink: {
      execute: () => queueMicrotask(() => device.complete(Uint8Array.from(response))),
      cancel() {},
      resetEstablishment() {},
      irq() {},
    },
  });
  let guest: MmioDevice = device;
  const listeners = new Map<string, (detail: never) => void>();
  const tpm = {
    tap(tap: AccessTap | undefined) {
      guest = tap ? tap(device, "guest") : device;
    },
    on<K extends keyof TpmEvents>(event: K, listener: (detail: TpmEvents[K]) => void) {
      listeners.set(event, listener as (detail: never) => void);
      return () => listeners.delete(event);
    },
  };
  const machine = new StillMachine();
  const recorder = new TraceRecorder({ ring: new TraceRing(1000), now: () => 7 });
  const detach = recorder.attach(tpm, machine);
  /** Waits while the machine is held, as a guest does without knowing. */
  const access = async (key: RegisterKey, size: AccessSize, value?: number): Promise<number> => {
    while (machine.holds > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (value === undefined) return guest.read(at(key), size);
    guest.write(at(key), size, value);
    return 0;
  };
  const command = async () => {
    await access("ACCESS", 1, ACCESS.REQUEST_USE);
    await access("STS", 4, STS.COMMAND_READY);
    for (const byte of GET_RANDOM) await access("DATA_FIFO", 1, byte);
    await access("STS", 4, STS.TPM_GO);
    while (((await access("STS", 1)) & STS.DATA_AVAIL) === 0);
    for (let i = 0; i < response.length; i++) await access("DATA_FIFO", 1);
    await access("STS", 4, STS.COMMAND_READY);
    await access("ACCESS", 1, ACCESS.ACTIVE_LOCALITY);
  };
  const tell = <K extends keyof TpmEvents>(event: K, detail: TpmEvents[K]) =>
    listeners.get(event)?.(detail as never);
  return { device, guest: () => guest, recorder, machine, command, access, detach, tell };
}

/** Runs `work` to its end and notes at which access the machine stood still each time. */
async function stops({ recorder }: ReturnType<typeof world>, work: Promise<void>): Promise<string[]> {
  const found: string[] = [];
  let done = false;
  work.then(() => {
    done = true;
  });
  while (!done || recorder.held) {
    if (recorder.held?.ranOn !== undefined) {
      const { write, register, value } = recorder.ring.access(recorder.held.sequence)!;
      found.push(`${write ? "write" : "read"} ${register} ${value.toString(16)}`);
      recorder.resume();
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return found;
}

describe("the recorder", () => {
  it("leaves guest and device alone until it is wanted, and again afterwards", () => {
    const { guest, device, recorder } = world();
    expect(guest()).toBe(device);
    const [first, second] = [recorder.arm(), recorder.arm()];
    expect(guest()).not.toBe(device);
    first();
    expect(recorder.recording).toBe(true);
    second();
    expect(guest()).toBe(device);
    const { id } = recorder.add({ kind: "command" });
    expect(guest()).not.toBe(device);
    recorder.remove(id);
    expect(guest()).toBe(device);
  });

  it("knows which accesses made a command, its code and its result", async () => {
    const { recorder, command, tell } = world();
    recorder.arm();
    await command();
    const [span] = recorder.commands.spans;
    expect(span).toMatchObject({ code: 0x17b, result: 0x101, locality: 0, first: 2, go: 14 });
    const record = { id: 5, startedAt: 7.2, locality: 0, code: 0x17b, origin: "guest" as const };
    tell("commandstart", { ...record, name: "", request: new Uint8Array() });
    expect(recorder.commands.byId(5)).toBe(span);
    expect(recorder.commands.at(15)).toBe(span);
    expect(recorder.commands.at(0)).toBeUndefined();
    expect(recorder.ring.end).toBeGreaterThan(25);
  });

  it.each<[string, Breakpoint, string[]]>([
    [
      "a field that is written",
      { kind: "access", register: "STS", direction: "write", field: "tpmGo", locality: 0 },
      ["write STS 20"],
    ],
    [
      "a register that is read",
      { kind: "access", register: "STS", direction: "read", field: "dataAvail" },
      ["read STS 90"],
    ],
    [
      "a register of another locality",
      { kind: "access", register: "STS", direction: "both", locality: 1 },
      [],
    ],
    ["a command by its code", { kind: "command", code: 0x17b }, ["write STS 20"]],
    ["another command", { kind: "command", code: 0x144 }, []],
    ["a failure", { kind: "result" }, ["read DATA_FIFO 1"]],
    ["a result", { kind: "result", code: 0x101 }, ["read DATA_FIFO 1"]],
    ["success, which does not come", { kind: "result", code: 0 }, []],
    [
      "any access to a register",
      { kind: "access", register: "ACCESS", direction: "both" },
      ["write ACCESS 2", "write ACCESS 20"],
    ],
  ])("stops at %s", async (_, breakpoint, expected) => {
    const w = world();
    const kept = w.recorder.add(breakpoint);
    expect(await stops(w, w.command())).toEqual(expected);
    expect(w.recorder.breakpoints.find(({ id }) => id === kept.id)?.hits).toBe(expected.length);
    expect(w.machine.holds).toBe(0);
  });

  it("steps from access to access, and to the next command", async () => {
    const w = world();
    const { recorder, machine } = w;
    recorder.add({ kind: "access", register: "ACCESS", direction: "write", field: "requestUse" });
    const still = async () => {
      while (recorder.held?.ranOn === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      return recorder.held.sequence;
    };
    const work = w.command();
    expect(await still()).toBe(0);
    recorder.step("access");
    expect(machine.precise).toBe(true);
    expect(await still()).toBe(1);
    recorder.step("command");
    expect(await still()).toBe(14);
    recorder.resume();
    expect(machine.precise).toBe(false);
    await work;
    expect(recorder.held).toBeUndefined();
  });

  it("has all code interpreted while breakpoints wait, where it is to be exact", async () => {
    const { recorder, machine } = world();
    recorder.exact = true;
    const { id } = recorder.add({ kind: "command" });
    await machine.settled();
    await Promise.resolve();
    expect(machine.precise).toBe(true);
    recorder.enable(id, false);
    await machine.settled();
    await Promise.resolve();
    expect(machine.precise).toBe(false);
  });

  it("lets go when the machine is reset, and when the TPM goes", async () => {
    const w = world();
    w.recorder.add({ kind: "access", register: "ACCESS", direction: "write" });
    await w.access("ACCESS", 1, ACCESS.REQUEST_USE);
    expect(w.machine.holds).toBe(1);
    w.tell("reset", undefined);
    expect([w.machine.holds, w.recorder.held]).toEqual([0, undefined]);
    expect(w.recorder.ring.access(1)?.reset).toBe(true);
    await w.access("ACCESS", 1, ACCESS.REQUEST_USE);
    expect(w.machine.holds).toBe(1);
    w.detach();
    expect(w.machine.holds).toBe(0);
    expect(w.guest()).toBe(w.device);
  });
});
