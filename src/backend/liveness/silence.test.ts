import { describe, expect, it } from "vitest";
import { Silence } from "./silence.ts";

/** Turns of the page's timer until the first that says something else than "none"; at most a thousand. */
function turns(silence: Silence, each?: () => void): { count: number; doubt: string } {
  for (let count = 1; count <= 1000; count++) {
    const doubt = silence.turn();
    if (doubt === "stuck" || (doubt !== "none" && !each)) return { count, doubt };
    each?.();
  }
  return { count: 1000, doubt: "none" };
}

describe("a worker that says nothing", () => {
  it("is doubted after a while, and much later where it may still be loading", () => {
    expect(turns(new Silence())).toEqual({ count: 121, doubt: "call a witness" });
    const loaded = new Silence();
    loaded.spoke();
    expect(turns(loaded)).toEqual({ count: 3, doubt: "call a witness" });
  });

  it("is not stuck on a host where nobody else is heard either", () => {
    expect(turns(new Silence(), () => undefined)).toEqual({ count: 1000, doubt: "none" });
  });

  it("is stuck where another one is heard again and again", () => {
    const silence = new Silence();
    silence.spoke();
    expect(turns(silence, () => silence.testified())).toEqual({ count: 6, doubt: "stuck" });
  });

  it("is believed as soon as it answers", () => {
    const silence = new Silence();
    silence.spoke();
    turns(silence);
    for (let i = 0; i < 2; i++) silence.testified();
    silence.answered();
    silence.testified();
    expect(turns(silence)).toEqual({ count: 3, doubt: "call a witness" });
    expect(silence.turn()).toBe("call a witness");
  });
});
