/** What two TPMs' outputs are compared by: this run's ports and paths are masked where they are said, and only there. */
import { expect, it } from "vitest";
import { masked } from "./masks.ts";

const PLACES = { directory: "/tmp/state (1)", "data port": "25834", "control port": "25835" };

it("masks ports and paths where they are said", () => {
  const text =
    "swtpm:host=127.0.0.1,port=25834 127.0.0.1:25835, /tmp/state (1)/key.ctx: no such file\n25834\n";
  expect(masked(text, PLACES)).toBe(
    "swtpm:host=127.0.0.1,port=<data port> 127.0.0.1:<control port>, <directory>/key.ctx: no such file\n<data port>\n",
  );
});

it("leaves a digest that has a port's digits by chance", () => {
  const text =
    "    0 : 0xBDC9BD36AC7F258351C81A3155A19EA5837B6EF164074F0189D876A5EC17F920\n  25834ab0 ab25834 125834 258345\n";
  expect(masked(text, PLACES)).toBe(text);
});
