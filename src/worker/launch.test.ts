import { describe, expect, it } from "vitest";
import { LaunchSequence, LONGEST_LAUNCH } from "./launch.ts";

const data = (...bytes: number[]) => ({ kind: "data", bytes: Uint8Array.from(bytes) }) as const;
const START = { kind: "start" } as const;
const END = { kind: "end" } as const;

describe("a dynamic launch's steps", () => {
  it("are one piece when they have ended", () => {
    const sequence = new LaunchSequence();
    const taken = [START, data(1), data(2, 3), data(), END].map((step) => sequence.take(step));
    expect(taken).toEqual([undefined, undefined, undefined, undefined, Uint8Array.of(1, 2, 3)]);
    expect(sequence.take(END)).toBeUndefined();
  });

  it("are nothing without a start, and begin anew with each", () => {
    const sequence = new LaunchSequence();
    expect([data(1), END].map((step) => sequence.take(step))).toEqual([undefined, undefined]);
    for (const step of [START, data(1), START, data(2)]) sequence.take(step);
    expect(sequence.take(END)).toEqual(Uint8Array.of(2));
    sequence.take(START);
    sequence.forget();
    expect(sequence.take(END)).toBeUndefined();
    sequence.take(START);
    expect(sequence.take(END)).toEqual(new Uint8Array(0));
  });

  it("are no launch when they are more than any processor sends", () => {
    const sequence = new LaunchSequence();
    const whole = { kind: "data", bytes: new Uint8Array(LONGEST_LAUNCH) } as const;
    for (const step of [START, whole]) sequence.take(step);
    expect(sequence.take(END)).toHaveLength(LONGEST_LAUNCH);
    for (const step of [START, whole, data(1), data(2)]) sequence.take(step);
    expect(sequence.take(END)).toBeUndefined();
  });
});
