/**
 * `npm run kernel`: builds the small kernel, which boots several times faster under v86 than Debian's own, and what
 * needs it: the saved states of the hidden machine and of the one that starts in a second.
 */
import { parseArgs } from "node:util";
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { complain } from "./complain.ts";
import { endOnSignal } from "./signals.ts";

const HELP = `Usage: npm run kernel [-- --verbose]

Builds the small Linux kernel from Debian's kernel source, unless it is in the cache already.
It takes three to eight minutes and about 2 GB of disk while it runs.

  --verbose   show every line of the build
  --help      show this text
`;

async function build(verbose: boolean): Promise<void> {
  const set = new ImageSet(new Cache(), printProgress());
  const signal = endOnSignal();
  try {
    await set.prepare();
    await set.prepareSmallKernel({ signal, ...(verbose ? { log: (line) => console.log(line) } : {}) });
    signal.throwIfAborted();
    await set.prepareHidden();
    signal.throwIfAborted();
    await set.preparePrepared();
  } catch (error) {
    if (!signal.aborted) throw error;
    return console.log("Stopped. What was not done is begun anew the next time.");
  }
  console.log("The small kernel is in the cache.");
}

const { values } = parseArgs({ options: { verbose: { type: "boolean" }, help: { type: "boolean" } } });
if (values.help) console.log(HELP);
else await build(values.verbose ?? false).catch(complain);
