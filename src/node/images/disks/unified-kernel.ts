/**
 * Unified kernel images: systemd's EFI stub with a kernel, its initrd and its command line as sections of one file, so
 * that one signature covers them all (UAPI.5, "Unified Kernel Image"; systemd-stub(7)). Made by objcopy.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { viewOf } from "../../../protocol/bytes/view.ts";
import { run } from "../command.ts";
import { inScratch } from "../scratch.ts";

/** In the order in which the stub measures them into PCR 11. */
export interface KernelSections {
  /** A bzImage with an EFI stub. */
  linux: Uint8Array;
  /** Lines as in /etc/os-release. */
  osrel: string;
  cmdline: string;
  initrd: Uint8Array;
}

const PAGE = 0x1000;
const aligned = (at: number) => Math.ceil(at / PAGE) * PAGE;

/**
 * @param stub systemd's `linuxia32.efi.stub`.
 * @throws {CommandError} when objcopy is not there, or `stub` is no image for it.
 */
export async function unifiedKernel(
  stub: Uint8Array,
  sections: KernelSections,
): Promise<Uint8Array<ArrayBuffer>> {
  return inScratch("uki", async (scratch) => {
    const [from, to] = [join(scratch, "stub"), join(scratch, "image.efi")];
    await writeFile(from, stub);
    let at = aligned(imageSize(stub));
    const args: string[] = [];
    for (const [name, data] of Object.entries(sections)) {
      const file = join(scratch, name);
      await writeFile(file, data);
      args.push("--add-section", `.${name}=${file}`, "--change-section-vma", `.${name}=${at}`);
      at = aligned(at + data.length);
    }
    await run("objcopy", [...args, from, to]);
    return new Uint8Array(await readFile(to));
  });
}

/** Where the memory ends that an image takes: SizeOfImage in its optional header (PE/COFF specification). */
function imageSize(image: Uint8Array): number {
  const view = viewOf(image);
  const [PE_AT, SIZE_OF_IMAGE] = [0x3c, 24 + 56];
  return view.getUint32(view.getUint32(PE_AT, true) + SIZE_OF_IMAGE, true);
}
