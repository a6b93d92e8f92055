import { describe, expect, it } from "vitest";
import { rowWindow } from "./window.ts";

describe("rowWindow", () => {
  it("covers what is in sight and a little more", () => {
    expect(rowWindow(10_000, 26, 26 * 1000, 260)).toEqual({ from: 996, to: 1014 });
  });

  it("stays within the list", () => {
    expect(rowWindow(5, 26, 0, 260)).toEqual({ from: 0, to: 5 });
    expect(rowWindow(0, 26, 0, 260)).toEqual({ from: 0, to: 0 });
    expect(rowWindow(3, 26, 5000, 260)).toEqual({ from: 2, to: 3 });
  });
});
