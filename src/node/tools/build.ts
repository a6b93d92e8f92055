/**
 * `npm run build`: the static page in `dist/`, complete: firmware, kernels, guest image, the hidden machine's saved
 * state, the notices of all that, and a service worker that serves it offline and on hosts that send no headers.
 */
import { parseArgs } from "node:util";
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { complain } from "./complain.ts";
import { embeddersOf, pageHeaders } from "./page-headers.ts";
import { endOnSignal } from "./signals.ts";
import { buildPage } from "./static-page.ts";

const HELP = `Usage: npm run build [-- OPTIONS]

Makes the static page, for any file server.

  --out DIRECTORY   where to put it (default: dist); what is in there is deleted
  --embed ORIGIN    let pages of this origin show the page in a frame; may be given several times, * lets all
  --help            show this text
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: "dist" },
      embed: { type: "string", multiple: true },
      help: { type: "boolean" },
    },
  });
  if (values.help) return console.log(HELP);
  const headers = pageHeaders({ embed: embeddersOf(values.embed) });
  const signal = endOnSignal();
  const cache = new Cache();
  const set = new ImageSet(cache, printProgress());
  await set.prepare();
  await set.prepareSmallKernel({ signal });
  await set.prepareHidden();
  await set.preparePrepared();
  await set.prepareUefiFirmware({ signal });
  await set.prepareBootDisks();
  await buildPage(values.out, cache, headers);
}

main().catch(complain);
