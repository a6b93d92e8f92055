/** A whole comparison: episodes of random steps, and what they add up to. */
import type { Interface, Version } from "./interface.ts";
import { Random } from "./random.ts";
import { Runner } from "./runner.ts";
import { type Step, stepText } from "./steps.ts";
import { type ComparedWorld, startWorld } from "./world.ts";

export interface Totals {
  compared: number;
  commands: number;
  skipped: number;
  /** Accesses whose answers differed as wanted, by identifiers of `DIFFERENCES`. */
  differences: Map<string, number>;
  /** How often each wanted difference came to bear. */
  occurrences: Map<string, number>;
  /** How often the interrupt line was compared and differed as wanted. */
  irqDifferences: number;
}

/** An episode failed; the message has the seed and the shortest sequence that was found to fail. */
export class EpisodeError extends Error {
  override name = "EpisodeError";
}

/** Accesses between two power cycles. */
const EPISODE = 5000;
const SHORTEN_MS = 60_000;

/** Compares at least `accesses` accesses. Episode `i` has the seed `seed + i`. */
export async function compare(
  registers: Interface,
  version: Version,
  seed: number,
  accesses: number,
): Promise<Totals> {
  const totals: Totals = {
    compared: 0,
    commands: 0,
    skipped: 0,
    irqDifferences: 0,
    differences: new Map(),
    occurrences: new Map(),
  };
  const world = await startWorld(registers, version);
  try {
    for (let episode = seed; totals.compared < accesses; episode++) {
      const runner = new Runner(world);
      try {
        await runEpisode(world, runner, episode);
      } catch (error) {
        throw await explain(registers, version, episode, runner.taken, error);
      }
      add(totals, runner);
    }
  } finally {
    await world.close();
  }
  return totals;
}

async function runEpisode(world: ComparedWorld, runner: Runner, seed: number): Promise<void> {
  // The device's model leads; QEMU's follows.
  const { registers } = world;
  const steps = registers.sequence(new Random(seed), world.sides[1]!.model, EPISODE);
  await runner.take({ kind: "reset" });
  for (const step of steps) await runner.take(step);
  await runner.settle();
}

function add(totals: Totals, part: Runner): void {
  totals.compared += part.compared;
  totals.commands += part.commands;
  totals.skipped += part.skipped;
  totals.irqDifferences += part.irqDifferences;
  for (const name of ["differences", "occurrences"] as const) {
    for (const [ids, count] of part[name]) totals[name].set(ids, (totals[name].get(ids) ?? 0) + count);
  }
}

async function explain(
  registers: Interface,
  version: Version,
  seed: number,
  taken: Step[],
  cause: unknown,
): Promise<EpisodeError> {
  const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));
  const { steps, error } = await shorten(registers, version, taken, cause);
  const text = steps.map(stepText).join("\n");
  const message = `TPM ${version}, episode seed ${seed}: ${reason(cause)}\nShortened to ${steps.length} steps, which end with "${reason(error)}":\n${text}`;
  return new EpisodeError(message, { cause });
}

/** Replays steps from a fresh start. @returns what went wrong. */
async function replay(registers: Interface, version: Version, steps: readonly Step[]): Promise<unknown> {
  const world = await startWorld(registers, version);
  try {
    const runner = new Runner(world);
    await runner.take({ kind: "reset" });
    for (const step of steps) await runner.take(step);
    await runner.settle();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await world.close();
  }
}

/** Leaves out ever smaller pieces as long as the rest still fails. */
async function shorten(
  registers: Interface,
  version: Version,
  taken: Step[],
  error: unknown,
): Promise<{ steps: Step[]; error: unknown }> {
  const end = Date.now() + SHORTEN_MS;
  let steps = taken.slice();
  for (
    let piece = Math.ceil(steps.length / 2);
    piece >= 1 && Date.now() < end;
    piece = piece > 1 ? Math.ceil(piece / 2) : 0
  ) {
    for (let at = Math.max(0, steps.length - piece); at >= 0 && Date.now() < end; at -= piece) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + piece)];
      const failure = await replay(registers, version, fewer);
      if (failure === undefined) continue;
      steps = fewer;
      error = failure;
    }
  }
  return { steps, error };
}
