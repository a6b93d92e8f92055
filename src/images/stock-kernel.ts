/** Debian's own i386 kernel: what the page boots until the small one is there, and what the small one is compared with. */
import { copyFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Apt, unpack } from "./apt.ts";
import type { Produced } from "./produce.ts";
import { PACKAGES } from "./versions.ts";

export const KERNEL = "bzImage";

export async function buildStockKernel(apt: Apt, target: string): Promise<Produced> {
  const [deb] = await apt.fetch([PACKAGES.stockKernel]);
  const scratch = await mkdtemp(join(tmpdir(), "webtpm-kernel-"));
  try {
    await unpack(deb!, scratch);
    const boot = join(scratch, "boot");
    const image = (await readdir(boot)).find((name) => name.startsWith("vmlinuz-"));
    if (!image) throw new Error(`${deb!.package} has no vmlinuz`);
    await copyFile(join(boot, image), join(target, KERNEL));
    return { sources: [deb!], release: image.slice("vmlinuz-".length) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
