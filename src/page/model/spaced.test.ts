import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Spaced } from "./spaced.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Work of 10 ms, and how often it was done. */
function work() {
  let time = 0;
  const done = vi.fn(() => {
    time += 10;
  });
  const spaced = new Spaced(done, () => time);
  const pass = (ms: number) => {
    time += ms;
    vi.advanceTimersByTime(ms);
  };
  return { done, spaced, pass };
}

describe("Spaced", () => {
  it("works at once when it has rested", () => {
    const { done, spaced, pass } = work();
    spaced.ask();
    expect(done).toHaveBeenCalledTimes(1);
    pass(150);
    spaced.ask();
    expect(done).toHaveBeenCalledTimes(2);
  });

  it("takes a small part of the time of one that asks without end, and does the last thing asked for", () => {
    const { done, spaced, pass } = work();
    for (let ms = 0; ms < 1500; ms++) {
      spaced.ask();
      pass(1);
    }
    expect(done.mock.calls.length).toBeLessThanOrEqual(11);
    const before = done.mock.calls.length;
    spaced.ask();
    pass(200);
    expect(done).toHaveBeenCalledTimes(before + 1);
  });

  it("does nothing any more when it is stopped", () => {
    const { done, spaced, pass } = work();
    spaced.ask();
    spaced.ask();
    spaced.stop();
    pass(1000);
    expect(done).toHaveBeenCalledTimes(1);
  });

  it("does not trouble who asks with its mistakes, which are told all the same", () => {
    const spaced = new Spaced(() => {
      throw new TypeError("a mistake");
    });
    const told = vi.fn();
    vi.stubGlobal("reportError", told);
    expect(() => spaced.ask()).not.toThrow();
    expect(told).toHaveBeenCalledExactlyOnceWith(new TypeError("a mistake"));
  });
});
