import { describe, expect, it } from "vitest";
import { Patience } from "./patience.ts";

/** Milliseconds until patience ends, where the thread runs for `run` ms and is then kept from it for `pause` ms. */
function lasts(limit: number, run: number, pause: number): number {
  let now = 0;
  const patience = new Patience(limit, () => now);
  for (let ran = 0; now < 200_000; ran += 0.5) {
    if (!patience.lasts()) return now;
    now += ran > 0 && ran % run === 0 ? pause + 0.5 : 0.5;
  }
  return now;
}

describe("the page's patience with its worker", () => {
  it("is the limit on a host that has time for both", () => {
    expect(lasts(250, 1000, 0)).toBeCloseTo(250, 0);
  });

  it("grows with what the page's own thread is kept from running, up to seconds", () => {
    // One part in four: four times the running time, sixteen times on the clock.
    const busy = lasts(250, 3, 9);
    expect(busy).toBeGreaterThan(2500);
    expect(busy).toBeLessThan(5000);
    const starved = lasts(250, 3, 57);
    expect(starved).toBeGreaterThanOrEqual(5000);
    expect(starved).toBeLessThan(11_000);
  });

  it("does not end with a sleep of the host", () => {
    let now = 0;
    const patience = new Patience(250, () => now);
    expect(patience.lasts()).toBe(true);
    now += 3_600_000;
    expect(patience.lasts()).toBe(true);
    expect(patience.lasts()).toBe(true);
  });
});
