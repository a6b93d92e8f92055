/**
 * `npm run kernel`: builds the small kernel, which boots several times faster under v86 than Debian's own, and what
 * needs it: the saved states of the hidden machine and of the one that starts in a second.
 */
import { runLongBuild } from "./long-build.ts";

const HELP = `Usage: npm run kernel [-- --verbose]

Builds the small Linux kernel from Debian's kernel source, unless it is in the cache already.
It takes three to eight minutes and about 2 GB of disk while it runs.

  --verbose   show every line of the build
  --help      show this text
`;

await runLongBuild({
  help: HELP,
  steps: (set, options) => [
    () => set.prepare(),
    () => set.prepareSmallKernel(options),
    () => set.prepareHidden(),
    () => set.preparePrepared(),
  ],
  done: "The small kernel is in the cache.",
});
