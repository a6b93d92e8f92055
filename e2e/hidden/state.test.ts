/**
 * A TPM that moves between native swtpm and the hidden machine, with permanent and volatile state, both ways: NV,
 * counters, persistent and loaded keys, sessions, PCRs and the endorsement key are the same after each move.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ioctl, powerOn } from "./ioctl-steps.ts";
import { type Outcome, perform } from "./outcome.ts";
import { startHidden, startNative, type TpmServer } from "./servers.ts";
import { JOURNEYS } from "./state-steps.ts";
import type { Step } from "./steps.ts";

const scratch = mkdtempSync(join(tmpdir(), "webtpm-state-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const BLOBS = ["permanent", "volatile"];
const PLACES = {
  native: (version: "2.0" | "1.2") => startNative(version),
  hidden: (version: "2.0" | "1.2") => startHidden(version, ["--off"]),
};

async function all(steps: Step[], { port }: TpmServer, directory: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    const outcome = await perform(step, port, directory);
    expect(outcome.code, `${outcome.run}\n${outcome.output}${outcome.errors}`).toBe(0);
    outcomes.push(outcome);
  }
  return outcomes;
}

const run = (commands: string[]): Step[] => commands.map((command) => ({ run: command }));

const WAYS = [
  { version: "2.0", first: "native", second: "hidden" },
  { version: "2.0", first: "hidden", second: "native" },
  { version: "1.2", first: "native", second: "hidden" },
] as const;

describe("state", () => {
  it.each(WAYS)(
    "of a TPM $version goes from $first to $second and back",
    async ({ version, first, second }) => {
      const directory = join(scratch, `${version}-${first}`);
      mkdirSync(directory);
      const { fill, look, goOn } = JOURNEYS[version];
      let server = await PLACES[first](version);
      /** Ends the TPM here and begins it there. */
      const move = async (place: keyof typeof PLACES) => {
        await all(
          BLOBS.map((blob) => ioctl(`--save ${blob} ${blob}.blob`)),
          server,
          directory,
        );
        await server.stop();
        server = await PLACES[place](version);
        await all(
          [...BLOBS.map((blob) => ioctl(`--load ${blob} ${blob}.blob`)), powerOn(version)],
          server,
          directory,
        );
      };
      try {
        await all([powerOn(version), ...run(fill)], server, directory);
        const before = await all(look, server, directory);
        await move(second);
        expect(await all(look, server, directory)).toEqual(before);

        await all(run(goOn), server, directory);
        const later = await all(look, server, directory);
        expect(later).not.toEqual(before);
        await move(first);
        expect(await all(look, server, directory)).toEqual(later);
      } finally {
        await server.stop();
      }
    },
  );
});
