/** Debian's own i386 kernel: what the page boots until the small one is there, and what the small one is compared with. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Apt, unpack } from "./apt.ts";
import { run } from "./command.ts";
import { flatKernel } from "./elf.ts";
import type { Produced } from "./produce.ts";
import { payloadOf, rawBzImage } from "./raw-kernel.ts";
import { inScratch } from "./scratch.ts";
import { PACKAGES } from "./versions.ts";

/** Packed for the way to the page only; the kernel in it is not compressed (`raw-kernel.ts`). */
export const KERNEL = "bzImage.gz";

/** The same as Debian ships it. */
export const DEBIAN_KERNEL = "vmlinuz";

/** Unpacks on the host what the guest would unpack at every boot: Debian packs with xz, which takes seconds there. */
async function uncompress(bzImage: Uint8Array, scratch: string): Promise<Uint8Array> {
  await writeFile(join(scratch, "vmlinux.xz"), payloadOf(bzImage));
  await run("xz", ["-d", join(scratch, "vmlinux.xz")]);
  return rawBzImage(bzImage, flatKernel(await readFile(join(scratch, "vmlinux"))));
}

export async function buildStockKernel(apt: Apt, target: string): Promise<Produced> {
  const [deb] = await apt.fetch([PACKAGES.stockKernel]);
  return inScratch("kernel", async (scratch) => {
    await unpack(deb!, scratch);
    const boot = join(scratch, "boot");
    const image = (await readdir(boot)).find((name) => name.startsWith("vmlinuz-"));
    if (!image) throw new Error(`${deb!.package} has no vmlinuz`);
    const bzImage = await readFile(join(boot, image));
    await writeFile(join(target, DEBIAN_KERNEL), bzImage);
    const kernel = await uncompress(bzImage, scratch);
    await writeFile(join(target, KERNEL), await promisify(gzip)(kernel, { level: 9 }));
    return { sources: [deb!], release: image.slice("vmlinuz-".length) };
  });
}
