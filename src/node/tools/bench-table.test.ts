import { describe, expect, it } from "vitest";
import { formatTable, keepsBar, ratios, summarize } from "./bench-table.ts";
import { GuestOutputError, OutputWatch } from "./bench-watch.ts";

describe("the benchmark's table", () => {
  it("has medians of odd and even numbers of values, and never of none", () => {
    expect(summarize([9, 1, 10])).toEqual({ median: 9, least: 1, most: 10 });
    expect(summarize([4, 1, 2, 100])).toEqual({ median: 3, least: 1, most: 100 });
    expect(() => summarize([])).toThrow(RangeError);
  });

  it("holds the median to its bar", () => {
    const row = { name: "r", unit: "x", values: [1, 2, 9] } as const;
    const held = (bar: { atMost: number; below?: boolean }) => keepsBar({ ...row, values: [1, 2, 9], bar });
    expect(held({ atMost: 2 })).toBe(true);
    expect(held({ atMost: 2, below: true })).toBe(false);
    expect(held({ atMost: 1.9 })).toBe(false);
    expect(keepsBar({ ...row, values: [1] })).toBeUndefined();
  });

  it("compares repetition with repetition", () => {
    expect(ratios([2, 6, 5], [1, 2])).toEqual([2, 3]);
  });

  it("shows what is missed", () => {
    const table = formatTable([
      { name: "a read", unit: "ns", values: [120, 110, 150], bar: { atMost: 100 } },
    ]);
    expect(table.split("\n")[2]).toMatch(
      /^\| a read +\| 120 ns +\| 110 \.\. 150 +\| 3 +\| <= 100 ns \| MISSED \|$/,
    );
  });
});

describe("the watch on a guest's output", () => {
  it("finds texts in order, across pieces, and none twice", async () => {
    const watch = new OutputWatch();
    const first = watch.expect(["start", "end"], 1000);
    for (const piece of ["end st", "art", " x ", "end"]) watch.feed(piece);
    const [start, end] = await first;
    expect(end).toBeGreaterThanOrEqual(start!);
    await expect(watch.expect(["end"], 10)).rejects.toThrow(/no "end" within 10 ms/);
  });

  it("says when the guest's program has failed", async () => {
    const watch = new OutputWatch();
    const wait = watch.expect(["never"], 60_000);
    watch.feed("rawtpm failed: no TPM\n");
    await expect(wait).rejects.toBeInstanceOf(GuestOutputError);
  });
});
