/** The recorder between a driver and a real device: what it notes, and when it stands between them at all. */
import { describe, expect, it } from "vitest";
import { ACCESS } from "../../device/tis/registers.ts";
import { world } from "./testing/driver.ts";

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

  it("records all the time where it is told to, whoever looks meanwhile", () => {
    const { recorder } = world();
    expect(recorder.always).toBe(false);
    recorder.always = true;
    const look = recorder.arm();
    look();
    expect(recorder.recording).toBe(true);
    recorder.always = false;
    expect(recorder.recording).toBe(false);
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

  it("lets go when the machine is reset, and when the TPM goes", async () => {
    const w = world();
    w.recorder.add({ kind: "access", register: "ACCESS", direction: "write" });
    await w.access("ACCESS", 1, ACCESS.REQUEST_USE);
    expect(w.machine.holds).toBe(1);
    w.tell("reset", undefined);
    expect([w.machine.holds, w.recorder.stop]).toEqual([0, undefined]);
    expect(w.recorder.ring.access(1)?.reset).toBe(true);
    await w.access("ACCESS", 1, ACCESS.REQUEST_USE);
    expect(w.machine.holds).toBe(1);
    w.detach();
    expect(w.machine.holds).toBe(0);
    expect(w.guest()).toBe(w.device);
  });
});
