import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { keepLooking, type Looked, Pace } from "./pace.ts";

function world() {
  let time = 0;
  let painted = () => {};
  const pace = new Pace({
    now: () => time,
    painted: (done) => {
      painted = done;
    },
  });
  /** One drawing that takes so long. */
  const draw = (cost: number) => {
    pace.begin();
    time += cost;
    painted();
  };
  const pass = (ms: number) => {
    time += ms;
  };
  return { pace, draw, pass };
}

describe("the pace of a view", () => {
  it("leaves most of the time to the guest", () => {
    const { pace, draw, pass } = world();
    let drawn = 0;
    for (let elapsed = 0; elapsed < 20_000; ) {
      if (pace.wait === 0) {
        draw(6);
        drawn += 6;
        elapsed += 6;
      } else {
        pass(16);
        elapsed += 16;
      }
    }
    expect(drawn / 20_000).toBeLessThan(0.008);
    expect(drawn / 20_000).toBeGreaterThan(0.004);
  });

  it("is quick where drawing is cheap, and never stops", () => {
    const { pace, draw, pass } = world();
    draw(0.1);
    expect(pace.interval).toBe(50);
    expect(pace.wait).toBe(50);
    pass(50);
    expect(pace.wait).toBe(0);
    for (let i = 0; i < 10; i++) draw(500);
    expect(pace.interval).toBe(1000);
  });
});

describe("looking again and again", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  /** @returns frames asked for and drawings made in a second of a view that changes all the time, or never. */
  function second(view: Partial<Looked>) {
    const made = { frames: 0, drawings: 0 };
    vi.stubGlobal("requestAnimationFrame", (callback: () => void) => {
      made.frames++;
      return setTimeout(callback, 16);
    });
    vi.stubGlobal("cancelAnimationFrame", clearTimeout);
    const pace = new Pace({ now: () => Date.now(), painted: (done) => done() });
    const draw = () => void made.drawings++;
    const always = { inSight: () => true, free: () => false, changed: () => true };
    const end = keepLooking(pace, { ...always, draw, ...view });
    vi.advanceTimersByTime(1000);
    end();
    const { frames } = made;
    vi.advanceTimersByTime(1000);
    expect(made.frames).toBe(frames);
    return made;
  }

  it("draws at the pace while a guest waits, and at each frame when nobody does", () => {
    const { drawings } = second({});
    expect(drawings).toBeGreaterThan(10);
    expect(drawings).toBeLessThanOrEqual(20);
    expect(second({ free: () => true }).drawings).toBeGreaterThan(50);
  });

  it("asks for no frame out of sight, or where nothing is new", () => {
    expect(second({ inSight: () => false })).toEqual({ frames: 0, drawings: 0 });
    expect(second({ changed: () => false })).toEqual({ frames: 0, drawings: 0 });
  });
});
