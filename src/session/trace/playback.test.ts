/** A recording's accesses, played: what the views then have is what they had. */
import { expect, it } from "vitest";
import { CommandSpans } from "./commands.ts";
import { playBack } from "./playback.ts";
import { TraceRing } from "./ring.ts";
import { foldAccesses } from "./runs.ts";
import { world } from "./testing/driver.ts";

async function recorded() {
  const w = world();
  w.recorder.arm();
  await w.command();
  w.tell("reset", undefined);
  await w.command();
  const { ring, commands } = w.recorder;
  for (const [index, span] of commands.spans.entries()) span.id = 40 + index;
  return { ring, commands, runs: foldAccesses(ring, commands.spans, 0).runs };
}

it("accesses, marks and commands come back, linked with the records that the recording names", async () => {
  const { ring, commands, runs } = await recorded();
  const played = { ring: new TraceRing(1000), commands: new CommandSpans() };
  playBack(runs, played.ring, played.commands);
  const bare = (all: TraceRing) => all.toJSON().map(({ time: _, ...access }) => access);
  expect(bare(played.ring)).toEqual(bare(ring));
  const what = (all: CommandSpans) =>
    all.spans.map(({ first, go, last, code, result, id }) => ({ first, go, last, code, result, id }));
  expect(what(played.commands)).toEqual(what(commands));
  expect(played.commands.byId(41)?.result).toBe(0x101);
});

it("a recording is taken in piece by piece as well as whole", async () => {
  const { ring, runs } = await recorded();
  const played = { ring: new TraceRing(1000), commands: new CommandSpans() };
  for (const run of runs) playBack([run], played.ring, played.commands);
  expect(played.ring.end).toBe(ring.end);
  expect(played.commands.spans).toHaveLength(2);
});
