/** `npm run images`: makes firmware, kernels and guest image; prints the manifest, or fills a folder for a page. */
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { ImageManifest } from "../../session/images/manifest.ts";
import { Cache } from "../images/cache.ts";
import { forHosts } from "../images/for-hosts.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { complain } from "./complain.ts";
import { writeNotices } from "./notices.ts";
import { endOnSignal } from "./signals.ts";

const HELP = `Usage: npm run images [-- OPTIONS]

Makes firmware, stock kernel and guest, and prints what they are made of.

  --out DIRECTORY   fill a folder for a page of your own instead: firmware, the hidden machine that runs a TPM without
                    a server, kernels and guest for a boot of Linux, the manifest that names them, and the notices of
                    what is in them. Builds the small kernel where it is missing, which takes some minutes
  --help            show this text
`;

/** What the library's users can boot: what belongs to the page alone is left out. */
function forPages({ bios, vgaBios, initrd, kernels, ...others }: ImageManifest): ImageManifest {
  const { kernel, cmdline, guest, memorySize, prompt, hiddenState } = others;
  const { efi: _, ...small } = kernels.small!;
  return {
    ...{ bios, vgaBios, initrd, kernels: { stock: kernels.stock, small } },
    ...{ kernel, cmdline, guest, memorySize, prompt },
    ...(hiddenState && { hiddenState }),
  };
}

async function fillFolder(set: ImageSet, cache: Cache, out: string): Promise<void> {
  const directory = resolve(out);
  const { manifest: whole, files } = await forHosts(await set.read(), cache);
  const manifest = forPages(whole);
  await mkdir(directory, { recursive: true });
  const { bios, vgaBios, initrd, kernels, hiddenState } = manifest;
  for (const file of [bios, vgaBios, initrd, kernels.stock, kernels.small, hiddenState])
    if (file) await copyFile(files.get(file.url)!, join(directory, file.url));
  await rm(join(directory, "notices"), { recursive: true, force: true });
  await writeNotices(join(directory, "notices"), cache, []);
  await writeFile(join(directory, "manifest.json"), JSON.stringify(manifest, null, 2));
  console.error(`The images are in ${directory}: loadHiddenImages(".../manifest.json") finds them.`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: "string" }, help: { type: "boolean" } } });
  if (values.help) return console.log(HELP);
  const cache = new Cache();
  const set = new ImageSet(
    cache,
    printProgress((line) => console.error(line)),
  );
  await set.prepare();
  if (values.out === undefined) return console.log(JSON.stringify((await set.read()).manifest, null, 2));
  await set.prepareSmallKernel({ signal: endOnSignal() });
  await set.prepareHidden();
  await fillFolder(set, cache, values.out);
}

main().catch(complain);
