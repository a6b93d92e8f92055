/** `npm run build`: the static page in `dist/`, with firmware, the small kernel and the guest image. */
import { fileURLToPath } from "node:url";
import { build } from "vite";
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { endOnSignal } from "./signals.ts";

const signal = endOnSignal();
const set = new ImageSet(new Cache(), printProgress());
await set.prepare();
await set.prepareSmallKernel({ signal });
await build({ root: fileURLToPath(new URL("../..", import.meta.url)) });
