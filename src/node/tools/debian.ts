/** `npm run debian`: makes a disk with Debian on it, for a machine that boots as a PC does. */
import { runLongBuild } from "./long-build.ts";

const HELP = `Usage: npm run debian [-- --verbose]

Makes a disk with Debian for i386 on it, from packages, unless it is in the cache already: GRUB, Debian's own kernel,
systemd, and the tools for TPMs. It takes some minutes, about 250 MB of downloads, and 3 GB of disk while it runs.
The page then offers it as a disk.

  --verbose   show every line that mmdebstrap says
  --help      show this text
`;

await runLongBuild({
  help: HELP,
  steps: (set, options) => [() => set.prepareDebianDisk(options)],
  done: "The disk with Debian is in the cache.",
});
