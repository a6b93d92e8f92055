/** The limits that README.md in this folder lists are those of the code. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import * as clock from "./clock.ts";
import * as hold from "./command-hold.ts";

it("the README's table has every limit, with its value", () => {
  const text = readFileSync(join(import.meta.dirname, "README.md"), "utf8");
  const rows = Array.from(
    text.matchAll(/^\| `(\w+)` +\| [\w.-]+\.ts +\| ([\d.e-]+) ms/gm),
    ([, name, value]) => [name, Number(value)],
  );
  const limits = Object.entries({ ...clock, ...hold }).filter(([name]) => name.endsWith("_MS"));
  expect(limits.length).toBeGreaterThan(4);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(limits));
});
