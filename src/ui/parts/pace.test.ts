import { describe, expect, it } from "vitest";
import { Pace } from "./pace.ts";

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
      if (pace.due(false)) {
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
    expect(pace.due(false)).toBe(false);
    pass(50);
    expect(pace.due(false)).toBe(true);
    for (let i = 0; i < 10; i++) draw(500);
    expect(pace.interval).toBe(1000);
  });

  it("does not matter where nobody waits", () => {
    const { pace, draw } = world();
    draw(100);
    expect(pace.due(true)).toBe(true);
  });
});
