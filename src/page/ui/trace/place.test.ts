import { describe, expect, it } from "vitest";
import { ListPlace } from "./place.ts";

const place = new ListPlace(24);
const HEIGHT = 480;

describe("a place in a list", () => {
  it("is plain scrolling in a short list", () => {
    expect(place.space(1000)).toBe(24_000);
    const { from, to, y } = place.shown(1000, 2400, HEIGHT);
    expect(y).toBe(from * 24);
    expect(from).toBeLessThanOrEqual(100);
    expect(to).toBeGreaterThanOrEqual(120);
  });

  it("shows the first and the last of a million rows", () => {
    const count = 1_000_000;
    const most = place.space(count) - HEIGHT;
    expect(place.space(count)).toBeLessThan(17_000_000);
    expect(place.shown(count, 0, HEIGHT)).toMatchObject({ from: 0, y: 0 });
    const end = place.shown(count, most, HEIGHT);
    expect(end.to).toBe(count);
    // The last row ends where the element does.
    expect(end.y + (count - end.from) * 24).toBeCloseTo(place.space(count), 3);
  });

  it.each([0, 1, 499_999, 999_999])("brings row %i of a million into sight", (index) => {
    const count = 1_000_000;
    for (const start of [0, 3_000_000, place.space(count) - HEIGHT]) {
      const scrollTop = place.reveal(count, index, start, HEIGHT);
      const { from, y } = place.shown(count, scrollTop, HEIGHT);
      const at = y + (index - from) * 24 - scrollTop;
      expect(at).toBeGreaterThanOrEqual(-0.01);
      expect(at).toBeLessThanOrEqual(HEIGHT - 24 + 0.01);
    }
  });
});
