/** The user's list of breakpoints. */
import { expect, it } from "vitest";
import type { Breakpoint } from "./breakpoints.ts";
import { KeptBreakpoints } from "./kept-breakpoints.ts";

const ANY_COMMAND: Breakpoint = { kind: "command" };
const ANY_FAILURE: Breakpoint = { kind: "result" };

it("breakpoints are kept in order, each with a number of its own that is never given again", () => {
  const kept = new KeptBreakpoints(() => undefined);
  const first = kept.add(ANY_COMMAND);
  kept.add(ANY_FAILURE);
  kept.remove(first.id);
  const third = kept.add(ANY_COMMAND);
  expect(kept.list.map(({ id }) => id)).toEqual([first.id + 1, first.id + 2]);
  expect(third).toEqual({ id: first.id + 2, enabled: true, hits: 0, breakpoint: ANY_COMMAND });
});

it("only the enabled ones count, and whoever looks accesses up is told of each change", () => {
  const empty: boolean[] = [];
  const kept: KeptBreakpoints = new KeptBreakpoints(() => void empty.push(kept.enabled.empty));
  const { id } = kept.add(ANY_COMMAND);
  kept.enable(id, false);
  kept.enable(id, true);
  kept.remove(id);
  expect(empty).toEqual([false, true, false, true]);
});

it("a hit is counted where it was, and kept when the breakpoint is switched off", () => {
  const kept = new KeptBreakpoints(() => undefined);
  const { id } = kept.add(ANY_COMMAND);
  kept.add(ANY_FAILURE);
  kept.count(ANY_COMMAND);
  kept.count(ANY_COMMAND);
  kept.enable(id, false);
  expect(kept.list.map(({ hits, enabled }) => [hits, enabled])).toEqual([
    [2, false],
    [0, true],
  ]);
});
