import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { type Format, readFormat, writeFormat } from "./format.ts";

/** A format that has changed twice: seconds became milliseconds, then the field got another name. */
const FORMAT = {
  name: "test",
  version: 3,
  schema: v.object({ time: v.number() }),
  migrations: {
    1: ({ seconds }) => ({ when: (seconds as number) * 1000 }),
    2: ({ when }) => ({ time: when }),
  },
} satisfies Format<v.GenericSchema>;

const read = (value: unknown) => readFormat(FORMAT, value, "the thing");

describe("a format", () => {
  it("brings every older version up to date, step by step, and leaves what was stored alone", () => {
    const first = Object.freeze({ format: "test", formatVersion: 1, seconds: 7 });
    expect(read(first)).toEqual({ time: 7000 });
    expect(read({ format: "test", formatVersion: 2, when: 8 })).toEqual({ time: 8 });
    expect(read(writeFormat(FORMAT, { time: 9 }))).toEqual({ time: 9 });
  });

  it("refuses newer versions, and what is no version or another format", () => {
    expect(() => read({ format: "test", formatVersion: 4 })).toThrow(
      /format 4, .* up to 3\. It was left as it is/,
    );
    expect(() => read({ format: "test", formatVersion: 0 })).toThrow(/never was a format version 0/);
    expect(() => read({ format: "test", formatVersion: "1" })).toThrow(/does not say which format version/);
    expect(() => read({ format: "other", formatVersion: 1 })).toThrow(/its format is not "test"/);
    expect(() => read({ format: "test", formatVersion: 3, time: "now" })).toThrow(/time is wrong/);
    expect(() => read(undefined)).toThrow(/no record/);
  });
});
