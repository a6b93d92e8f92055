import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Looked, Pace } from "./pace.ts";

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
  it.each([
    { cost: 2.5, share: 0.006 },
    { cost: 25, share: 0.05 },
  ])("leaves most of the time to the guest, with frames of $cost ms", ({ cost, share }) => {
    const { pace, draw, pass } = world();
    let drawn = 0;
    let elapsed = 0;
    while (elapsed < 20_000) {
      const took = pace.wait === 0 ? cost : 1;
      if (took === cost) {
        draw(cost);
        drawn += cost;
      } else pass(took);
      elapsed += took;
    }
    expect(drawn / elapsed).toBeLessThan(share * 1.1);
    expect(drawn / elapsed).toBeGreaterThan(share * 0.8);
  });

  it("is quick where drawing is cheap, and never stops", () => {
    const { pace, draw, pass } = world();
    draw(0.1);
    expect(pace.interval).toBe(50);
    expect(pace.wait).toBe(50);
    pass(50);
    expect(pace.wait).toBe(0);
    for (let i = 0; i < 10; i++) draw(500);
    expect(pace.interval).toBe(500);
  });
});

describe("looking again and again", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  /** A pace over frames that are counted. */
  function counted() {
    const made = { frames: 0, drawings: 0 };
    vi.stubGlobal("requestAnimationFrame", (callback: () => void) => {
      made.frames++;
      return setTimeout(callback, 16);
    });
    vi.stubGlobal("cancelAnimationFrame", clearTimeout);
    return { made, pace: new Pace({ now: () => Date.now(), painted: (done) => done() }) };
  }

  /** @returns frames asked for and drawings made in a second of a view that changes all the time, or never. */
  function second(view: Partial<Looked>) {
    const { made, pace } = counted();
    const draw = () => void made.drawings++;
    const always = { inSight: () => true, free: () => false, changed: () => true };
    const end = pace.keepLooking({ ...always, draw, ...view });
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

  it("has views draw in one frame, and in one that is made anyway", () => {
    const { made, pace } = counted();
    let news = 0;
    const view = (every: number): Looked => {
      let drawn = 0;
      return {
        inSight: () => true,
        free: () => false,
        changed: () => news >= drawn + every,
        draw: () => {
          drawn = news;
          made.drawings++;
        },
      };
    };
    const ends = [pace.keepLooking(view(1)), pace.keepLooking(view(1)), pace.keepLooking(view(2))];
    news = 1;
    vi.advanceTimersByTime(1000);
    expect(made).toEqual({ frames: 1, drawings: 2 });
    news = 2;
    pace.begin();
    expect(made).toEqual({ frames: 1, drawings: 5 });
    vi.advanceTimersByTime(1000);
    expect(made).toEqual({ frames: 1, drawings: 5 });
    for (const end of ends) end();
  });

  it("has a view that waits its turn draw beside one that need not", () => {
    const { made, pace } = counted();
    const view = (free: boolean, draw: () => void): Looked => ({
      inSight: () => true,
      free: () => free,
      changed: () => true,
      draw,
    });
    let waited = 0;
    const ends = [
      pace.keepLooking(view(true, () => void made.drawings++)),
      pace.keepLooking(view(false, () => void waited++)),
    ];
    vi.advanceTimersByTime(1000);
    for (const end of ends) end();
    expect(waited).toBeGreaterThan(10);
    expect(waited).toBeLessThanOrEqual(20);
  });

  it("asks for no frame out of sight, or where nothing is new", () => {
    expect(second({ inSight: () => false })).toEqual({ frames: 0, drawings: 0 });
    expect(second({ changed: () => false })).toEqual({ frames: 0, drawings: 0 });
  });
});
