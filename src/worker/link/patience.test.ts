import { describe, expect, it } from "vitest";
import { LINK_LIMIT_MS, Patience } from "./patience.ts";

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
    expect(lasts(5000, 10_000, 0)).toBeCloseTo(5000, -1);
  });

  it("grows with what the page's own thread is kept from running, up to half a minute", () => {
    // One part in four.
    const busy = lasts(5000, 3, 9);
    expect(busy).toBeGreaterThan(12_000);
    expect(busy).toBeLessThan(20_000);
    const starved = lasts(5000, 3, 57);
    expect(starved).toBeGreaterThanOrEqual(29_000);
    expect(starved).toBeLessThan(31_000);
  });

  it("outlasts a worker whose processor is taken away for a second, while the page's is not", () => {
    expect(lasts(LINK_LIMIT_MS, 10_000, 0)).toBeGreaterThan(1000);
  });

  it("does not end with a sleep of the host", () => {
    let now = 0;
    const patience = new Patience(5000, () => now);
    expect(patience.lasts()).toBe(true);
    now += 3_600_000;
    expect(patience.lasts()).toBe(true);
    expect(patience.lasts()).toBe(true);
  });
});
