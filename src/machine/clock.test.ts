import { describe, expect, it } from "vitest";
import { createGuestClock, MAX_STEP_MS, MachineClock, WasmLoadError } from "./clock.ts";
import { createV86 } from "./create-v86.ts";

/** A clock over a host time that the test sets. */
function clockAt(start: number) {
  const host = { now: start };
  return { host, clock: new MachineClock(() => host.now) };
}

describe("the machine's clock", () => {
  it("starts with the host's reading and follows it", () => {
    const { host, clock } = clockAt(1000);
    expect([clock.microtick(), clock.now()]).toEqual([1000, 0]);
    host.now = 1007.5;
    expect([clock.now(), clock.microtick(), clock.now()]).toEqual([7.5, 1007.5, 7.5]);
  });

  it("stands still while frozen and goes on from there", () => {
    const { host, clock } = clockAt(0);
    host.now = 10;
    clock.freeze();
    host.now = 60_000;
    clock.freeze();
    expect([clock.frozen, clock.microtick(), clock.now()]).toEqual([true, 10, 10]);
    clock.thaw();
    clock.thaw();
    host.now += 5;
    expect([clock.frozen, clock.microtick()]).toEqual([false, 15]);
  });

  it("does not jump after the page was suspended, and never catches up", () => {
    const { host, clock } = clockAt(0);
    host.now = 100;
    clock.microtick();
    host.now += 3_600_000;
    expect(clock.now()).toBe(100 + MAX_STEP_MS);
    expect(clock.microtick()).toBe(100 + MAX_STEP_MS);
    host.now += 20;
    expect(clock.microtick()).toBe(120 + MAX_STEP_MS);
  });

  it("does not count the gap before a stop was noticed", () => {
    const { host, clock } = clockAt(0);
    host.now = 60_000;
    clock.freeze();
    expect(clock.microtick()).toBe(MAX_STEP_MS);
  });

  it("counts gaps for less while a limit is in force, the shortest of several", () => {
    const { host, clock } = clockAt(0);
    host.now = 100;
    const endFirst = clock.limitStep(50);
    expect([clock.now(), clock.microtick()]).toEqual([50, 50]);
    host.now += 30;
    expect(clock.microtick()).toBe(80);
    const endSecond = clock.limitStep(2);
    host.now += 200;
    expect(clock.microtick()).toBe(82);
    host.now += 200;
    endSecond();
    endSecond();
    expect(clock.microtick()).toBe(84);
    host.now += 200;
    expect(clock.microtick()).toBe(134);
    endFirst();
    host.now += 200;
    expect(clock.microtick()).toBe(334);
  });

  it("does not tell less than it told because a limit began since", () => {
    const { host, clock } = clockAt(0);
    host.now = 10;
    expect(clock.now()).toBe(10);
    clock.limitStep(2);
    expect([clock.now(), clock.microtick(), clock.now()]).toEqual([10, 2, 10]);
    for (let i = 0; i < 5; i++) {
      host.now += 2;
      clock.microtick();
    }
    expect(clock.now()).toBe(12);
    clock.freeze();
    clock.set(5);
    expect(clock.now()).toBe(5);
  });

  it("goes on from a saved machine's time", () => {
    const { host, clock } = clockAt(50);
    clock.freeze();
    clock.set(9_000);
    host.now += 1_000;
    expect(clock.microtick()).toBe(9_000);
    clock.thaw();
    host.now += 3;
    expect(clock.microtick()).toBe(9_003);
  });
});

describe("createGuestClock", () => {
  it("says what is wrong with the module", async () => {
    const { wasm_fn } = createGuestClock(new TextEncoder().encode("<!doctype html>"));
    await expect(wasm_fn({ env: {} })).rejects.toThrow(WasmLoadError);
    const { V86 } = await import("v86");
    await expect(createV86(V86, {}, new Uint8Array(8))).rejects.toThrow("could not be started");
    const unreachable = createGuestClock("http://127.0.0.1:9/v86.wasm");
    await expect(unreachable.wasm_fn({ env: {} })).rejects.toThrow(
      "fetched from http://127.0.0.1:9/v86.wasm",
    );
  });
});
