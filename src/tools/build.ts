/** `npm run build`: the static page in `dist/`, with firmware, the small kernel and the guest image. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
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
await set.prepareHidden();
const root = fileURLToPath(new URL("../..", import.meta.url));
await build({ root });
for (const name of ["LICENSE", "NOTICES.md"]) await copyFile(join(root, name), join(root, "dist", name));
