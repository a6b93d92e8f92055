/** Where the machine stops, and how it goes on. */
import { describe, expect, it, vi } from "vitest";
import type { Breakpoint } from "./breakpoints.ts";
import { StillMachine, stops, world } from "./testing/driver.ts";

/** How often a step is looked for, and how long. */
const STEP = { interval: 1, timeout: 20_000 };

describe("the machine", () => {
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
      await vi.waitUntil(() => recorder.stop?.ranOn !== undefined, STEP);
      return recorder.stop?.sequence;
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
    expect(recorder.stop).toBeUndefined();
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

  it("of another TPM is not stopped by a step that was under way", async () => {
    const w = world();
    w.recorder.add({ kind: "access", register: "ACCESS", direction: "write", field: "requestUse" });
    const work = w.command();
    await vi.waitUntil(() => w.recorder.stop?.ranOn !== undefined, STEP);
    w.recorder.remove(w.recorder.breakpoints[0]!.id);
    w.recorder.step("command");
    w.detach();
    await work;
    const next = new StillMachine();
    w.recorder.attach(w.tpm, next);
    w.recorder.arm();
    await w.command();
    expect([next.holds, w.recorder.stop]).toEqual([0, undefined]);
  });

  it("is let go when another takes its place", async () => {
    const w = world();
    w.recorder.add({ kind: "command" });
    const work = w.command();
    await vi.waitUntil(() => w.recorder.stop?.ranOn !== undefined, STEP);
    expect(w.machine.holds).toBe(1);
    w.recorder.attach(w.tpm, new StillMachine());
    expect([w.machine.holds, w.recorder.stop]).toEqual([0, undefined]);
    await work;
  });
});
