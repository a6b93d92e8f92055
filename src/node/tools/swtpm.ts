/** `npm run swtpm`: serves the swtpm in the hidden machine, which it makes where it is missing. */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { printProgress } from "../images/progress.ts";
import { readHiddenFolder } from "./hidden-folder.ts";
import { makeHiddenFiles } from "./swtpm-machine.ts";
import { runSwtpm, type SwtpmCommand } from "./swtpm-serving.ts";

const COMMAND: SwtpmCommand = {
  name: "npm run swtpm --",
  async load({ images }, stop) {
    if (images !== undefined) return readHiddenFolder(images);
    const progress = printProgress((line) => console.error(line));
    return (await makeHiddenFiles(progress, stop)).images;
  },
};

/** @returns the exit code, as the usage text says. */
export const main = (args: string[], stop?: AbortSignal): Promise<number> => runSwtpm(COMMAND, args, stop);

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
