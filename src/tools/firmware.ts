/** `npm run firmware`: builds the UEFI firmware, for machines that boot as machines do today. */
import { parseArgs } from "node:util";
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { complain } from "./complain.ts";
import { endOnSignal } from "./signals.ts";

const HELP = `Usage: npm run firmware [-- --verbose]

Builds the UEFI firmware (OVMF) from Debian's source package edk2, unless it is in the cache already.
It takes some minutes and about 1 GB of disk while it runs.

  --verbose   show every line of the build
  --help      show this text
`;

async function build(verbose: boolean): Promise<void> {
  const set = new ImageSet(new Cache(), printProgress());
  const signal = endOnSignal();
  try {
    await set.prepareUefiFirmware({ signal, ...(verbose ? { log: (line) => console.log(line) } : {}) });
  } catch (error) {
    if (!signal.aborted) throw error;
    return console.log("Stopped. What was not done is begun anew the next time.");
  }
  console.log("The UEFI firmware is in the cache.");
}

const { values } = parseArgs({ options: { verbose: { type: "boolean" }, help: { type: "boolean" } } });
if (values.help) console.log(HELP);
else await build(values.verbose ?? false).catch(complain);
