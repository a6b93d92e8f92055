/** What the tools have in common that build for minutes: their options, and how they end when they are stopped. */
import { parseArgs } from "node:util";
import { Cache } from "../images/cache.ts";
import { type BackgroundOptions, ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { complain } from "./complain.ts";
import { endOnSignal } from "./signals.ts";

export interface LongBuild {
  help: string;
  /** One after the other; a stop ends them in between, too. */
  steps(set: ImageSet, options: BackgroundOptions): readonly (() => Promise<void>)[];
  /** What is said at the end. */
  done: string;
}

/** Runs the tool. What was not done when it is stopped is begun anew the next time. */
export async function runLongBuild(build: LongBuild): Promise<void> {
  const { values } = parseArgs({ options: { verbose: { type: "boolean" }, help: { type: "boolean" } } });
  if (values.help) return console.log(build.help);
  await work(build, values.verbose ?? false).catch(complain);
}

async function work({ steps, done }: LongBuild, verbose: boolean): Promise<void> {
  const signal = endOnSignal();
  const options = { signal, ...(verbose && { log: (line: string) => console.log(line) }) };
  try {
    for (const step of steps(new ImageSet(new Cache(), printProgress()), options)) {
      signal.throwIfAborted();
      await step();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    return console.log("Stopped. What was not done is begun anew the next time.");
  }
  console.log(done);
}
