/** `npm run firmware`: builds the UEFI firmware, for machines that boot as machines do today, and disks for it. */
import { runLongBuild } from "./long-build.ts";

const HELP = `Usage: npm run firmware [-- --verbose]

Builds the UEFI firmware (OVMF) from Debian's source package edk2, unless it is in the cache already, and makes disks
for it, which need the small kernel (npm run kernel). It takes some minutes and about 1 GB of disk while it runs.

  --verbose   show every line of the build
  --help      show this text
`;

await runLongBuild({
  help: HELP,
  steps: (set, options) => [() => set.prepareUefiFirmware(options), () => set.prepareBootDisks()],
  done: "The UEFI firmware, and the disks for it, are in the cache.",
});
