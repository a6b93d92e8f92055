/** SeaBIOS and its VGA option ROM, from Debian's `seabios` package. */
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { type Apt, unpack } from "./apt.ts";
import type { Produced } from "./produce.ts";
import { inScratch } from "./scratch.ts";
import { PACKAGES } from "./versions.ts";

/** Of the package's builds, only the 256 KiB one has the TCG code. */
export const BIOS = "bios-256k.bin";
export const VGA_BIOS = "vgabios-stdvga.bin";

export async function buildFirmware(apt: Apt, directory: string): Promise<Produced> {
  const [deb] = await apt.fetch([PACKAGES.seabios]);
  await inScratch("firmware", async (scratch) => {
    await unpack(deb!, scratch);
    for (const name of [BIOS, VGA_BIOS]) {
      await copyFile(join(scratch, "usr/share/seabios", name), join(directory, name));
    }
  });
  return { sources: [deb!] };
}
