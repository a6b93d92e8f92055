/** `npm run images`: makes firmware, stock kernel and guest image, and prints the manifest. */
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { complain } from "./complain.ts";

const set = new ImageSet(
  new Cache(),
  printProgress((line) => console.error(line)),
);
try {
  await set.prepare();
  console.log(JSON.stringify((await set.read()).manifest, null, 2));
} catch (error) {
  complain(error as Error);
}
