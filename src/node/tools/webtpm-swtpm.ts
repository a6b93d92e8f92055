#!/usr/bin/env node
/** The package's command `webtpm-swtpm`: a TPM for tpm2-tools with nothing installed but Node. */
import { readHiddenFolder } from "./hidden-folder.ts";
import { runSwtpm } from "./swtpm-serving.ts";
import { UsageError } from "./usage-error.ts";

process.exitCode = await runSwtpm(
  {
    name: "webtpm-swtpm",
    async load({ images }) {
      if (images === undefined)
        throw new UsageError(
          "--images FOLDER is missing: the folder that `npm run images -- --out FOLDER` makes in a clone of WebTPM",
        );
      return readHiddenFolder(images);
    },
  },
  process.argv.slice(2),
);
