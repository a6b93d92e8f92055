/** How much of a processor something takes once it is at rest. */
import { expect, vi } from "vitest";

/** So long is the one look from the next, in milliseconds. */
const WATCHED_MS = 3000;
/** Until the engine has compiled what has just run, on a busy host. */
const LIMIT_MS = 60_000;

/**
 * Looks again and again, until the processor time between two looks is small enough.
 * @param used processor time until now, in seconds. @param most share of one processor.
 */
export function idleShare(used: () => Promise<number>, most: number): Promise<number> {
  let before: { time: number; used: number } | undefined;
  return vi.waitFor(
    async () => {
      const last = before;
      before = { time: performance.now(), used: await used() };
      if (!last) throw new Error("it was not looked at twice");
      const share = (1000 * (before.used - last.used)) / (before.time - last.time);
      expect(share).toBeLessThan(most);
      return share;
    },
    { interval: WATCHED_MS, timeout: LIMIT_MS },
  );
}
