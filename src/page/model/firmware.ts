/** The choice of UEFI firmware, in words: when it cannot be booted, and with which kernel it is. */
import type { BootSettings, ImagesInfo } from "./model.ts";

/** Why the PC cannot have UEFI with these settings, as a sentence; undefined when it can. */
export function whyNotUefi(settings: BootSettings, images: ImagesInfo): string | undefined {
  const { uefi, uefiBuild } = images;
  if (settings.tpm !== "2.0") return "This UEFI firmware measures into a TPM 2.0: choose that one.";
  if (uefi) return whyNoKernel(settings, images);
  if (!uefiBuild) return "This server has no UEFI firmware. `npm start` builds it, once, in some minutes.";
  if (uefiBuild.state === "failed") return `The UEFI firmware could not be built: ${uefiBuild.message}`;
  return `The UEFI firmware is being built: ${Math.round(uefiBuild.percent)} %. The page says when it is there.`;
}

/**
 * The kernel of this server that UEFI firmware starts: the one that was chosen, or any that it can start.
 * @returns undefined when there is none, or none is wanted: the firmware then boots from a disk.
 */
export function uefiKernel(
  settings: Pick<BootSettings, "kernel">,
  { kernels, kernel }: Pick<ImagesInfo, "kernels" | "kernel">,
): "small" | "stock" | undefined {
  const able = kernels.filter(({ efi }) => efi).map(({ name }) => name);
  if (settings.kernel !== "auto") return able.find((name) => name === settings.kernel);
  return able.find((name) => name === kernel) ?? able[0];
}

function whyNoKernel(settings: BootSettings, images: ImagesInfo): string | undefined {
  const { cdrom, hda, kernel, initrd } = settings.images;
  const drive = settings.kernel === "auto" && !initrd && (cdrom || hda);
  if (kernel || drive || uefiKernel(settings, images)) return undefined;
  return settings.kernel === "auto"
    ? "There is no kernel yet that UEFI firmware can start: it comes with the small kernel."
    : `The ${settings.kernel} kernel of this page is not one that UEFI firmware can start: choose another one.`;
}
