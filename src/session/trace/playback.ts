/** The accesses of a recording, taken in as if they happened now. */
import { isMark } from "./access.ts";
import type { CommandSpans } from "./commands.ts";
import type { TraceRing } from "./ring.ts";
import { type AccessRun, accessesOf } from "./runs.ts";

/** Puts the next accesses of a recording into the ring, and links them with the commands that it names. */
export function playBack(runs: readonly AccessRun[], ring: TraceRing, commands: CommandSpans): void {
  for (const run of runs) {
    if (isMark(run.word)) {
      ring.mark(run.time);
      commands.reset();
      continue;
    }
    for (const [word, value] of accessesOf(run))
      commands.access(ring.push(run.time, word, value), run.time, word, value);
    if (run.command !== undefined && commands.newest) commands.newest.id = run.command;
  }
}
