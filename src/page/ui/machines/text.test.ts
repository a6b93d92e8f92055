import { describe, expect, it } from "vitest";
import { ageText, sizeText } from "./text.ts";

describe("sizes", () => {
  it("have three digits and a unit", () => {
    const sizes = [0, 1023, 1024, 10_313, 5_000_000, 1023 * 1024, 3 * 2 ** 30];
    expect(sizes.map(sizeText)).toEqual([
      "0 bytes",
      "1023 bytes",
      "1.00 KiB",
      "10.1 KiB",
      "4.77 MiB",
      "1023 KiB",
      "3.00 GiB",
    ]);
  });
});

describe("ages", () => {
  it("are told in the largest whole unit", () => {
    const now = 1_700_000_000_000;
    const ages = [0, 59_999, 60_000, 7_200_000, 200_000_000];
    expect(ages.map((age) => ageText(now - age, now))).toEqual([
      "just now",
      "just now",
      "1 minute ago",
      "2 hours ago",
      "2 days ago",
    ]);
  });
});
