import { describe, expect, it } from "vitest";
import { createV86 } from "../v86/create-v86.ts";
import {
  BUSY_STEP_MS,
  createGuestClock,
  LOOK_MS,
  MAX_STEP_MS,
  MachineClock,
  SLICE_MS,
  WasmLoadError,
} from "./clock.ts";

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

  it("moves little between two runs of the timers while the machine works, and makes up for it later", () => {
    const { host, clock } = clockAt(0);
    clock.sliceBegins();
    host.now = 200;
    expect(clock.microtick()).toBe(200);
    host.now += 10;
    expect(clock.microtick()).toBe(200 + BUSY_STEP_MS);
    clock.timersRun();
    expect(clock.microtick()).toBe(200 + 2 * BUSY_STEP_MS);
    clock.timersRun();
    clock.sliceEnds(0);
    host.now += 10;
    clock.sliceBegins();
    // The slice's length is measured from here, and what is due comes later.
    expect(clock.microtick()).toBe(200 + 2 * BUSY_STEP_MS + LOOK_MS);
    expect(clock.microtick()).toBe(200 + 3 * BUSY_STEP_MS);
    clock.sliceEnds(4);
    clock.sliceBegins();
    expect(clock.microtick()).toBe(220);
  });

  it("makes up for no more than a sleeping machine's longest step", () => {
    const { host, clock } = clockAt(0);
    clock.sliceBegins();
    clock.microtick();
    host.now = 60_000;
    clock.microtick();
    clock.sliceEnds(4);
    clock.sliceBegins();
    expect(clock.microtick()).toBe(BUSY_STEP_MS + MAX_STEP_MS);
    clock.timersRun();
    expect(clock.microtick()).toBe(BUSY_STEP_MS + MAX_STEP_MS + LOOK_MS);
  });

  it("is ahead of itself at each look of the guest's code, where it would stand still", () => {
    const { clock } = clockAt(8000);
    clock.sliceBegins();
    const looks = Array.from({ length: 1000 }, () => clock.microtick());
    for (const [index, look] of looks.entries()) {
      if (index > 0) expect(look).toBeGreaterThan(looks[index - 1]!);
    }
    expect(looks.at(-1)).toBeLessThan(8000 + 1001 * LOOK_MS);
  });

  it("goes no further than a bound, tells once that it is reached, and does not make up for it", () => {
    const { host, clock } = clockAt(0);
    let told = 0;
    const end = clock.bound(20, () => told++);
    host.now = 19;
    expect([clock.microtick(), told]).toEqual([19, 0]);
    host.now = 60_000;
    expect([clock.now(), told]).toEqual([20, 0]);
    expect([clock.microtick(), clock.microtick(), told]).toEqual([20, 20, 1]);
    host.now += 1000;
    end();
    end();
    expect([clock.now(), clock.microtick()]).toEqual([20, 20]);
    host.now += 7;
    expect([clock.microtick(), told]).toEqual([27, 1]);
  });

  it("heeds the nearest of several bounds, and bounds move with a restored machine's time", () => {
    const { host, clock } = clockAt(0);
    const told: string[] = [];
    clock.bound(50, () => told.push("far"));
    const endNear = clock.bound(10, () => told.push("near"));
    host.now = 100;
    expect([clock.microtick(), told]).toEqual([10, ["near"]]);
    endNear();
    clock.freeze();
    clock.set(7000);
    clock.thaw();
    host.now += 100;
    expect([clock.microtick(), told]).toEqual([7040, ["near", "far"]]);
  });

  it("stands still at once for a stop between slices, and after one slice's length within one", () => {
    const { host, clock } = clockAt(0);
    clock.beginStop();
    host.now = 100;
    expect([clock.stopping, clock.now(), clock.microtick()]).toEqual([true, 0, 0]);
    clock.endStop();
    host.now += 3;
    expect([clock.stopping, clock.microtick()]).toEqual([false, 3]);
    clock.sliceBegins();
    clock.microtick();
    clock.beginStop();
    host.now += 100;
    expect(clock.microtick()).toBeCloseTo(3 + SLICE_MS, 5);
    expect(clock.microtick()).toBeCloseTo(3 + SLICE_MS, 5);
    clock.sliceEnds(0);
    clock.freeze();
    expect(clock.stopping).toBe(false);
    expect(clock.microtick()).toBeCloseTo(3 + SLICE_MS, 5);
  });

  it("ends the slice in the very look that reaches a bound, also where a stop goes past one", () => {
    const { host, clock } = clockAt(0);
    clock.sliceBegins();
    clock.microtick();
    clock.bound(20, () => clock.beginStop());
    for (host.now = 1; host.now < 20; host.now++) {
      expect(clock.microtick()).toBe(host.now);
      clock.timersRun();
    }
    host.now = 500;
    expect(clock.microtick()).toBeCloseTo(20 + SLICE_MS, 5);
    host.now += 500;
    expect(clock.microtick()).toBeCloseTo(20 + SLICE_MS, 5);
    const other = clockAt(0);
    let reached = false;
    other.clock.sliceBegins();
    other.clock.microtick();
    other.clock.bound(0.5, () => {
      reached = true;
    });
    other.clock.beginStop();
    expect(other.clock.microtick()).toBeCloseTo(SLICE_MS, 5);
    expect(reached).toBe(true);
  });

  it("leaves it to the next look when a slice's first one reaches a bound: v86 measures from that", () => {
    const { host, clock } = clockAt(0);
    clock.bound(20, () => clock.beginStop());
    host.now = 500;
    clock.sliceBegins();
    expect([clock.microtick(), clock.stopping]).toEqual([20, true]);
    expect(clock.microtick()).toBe(20 + SLICE_MS);
  });

  it("does not tell less than it told because a bound began since", () => {
    const { host, clock } = clockAt(0);
    host.now = 10;
    expect(clock.now()).toBe(10);
    clock.bound(2, () => undefined);
    expect([clock.now(), clock.microtick(), clock.now()]).toEqual([10, 2, 10]);
    clock.freeze();
    clock.set(5);
    expect(clock.now()).toBe(5);
  });

  it("begins when the machine has been made, whose devices have looked at the host's clock", () => {
    const { host, clock } = clockAt(50);
    host.now = 4000;
    clock.begin();
    clock.freeze();
    expect(clock.microtick()).toBe(4000);
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
