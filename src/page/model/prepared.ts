/** The start from a prepared machine, in words: when there is none, and what it is not. */
import type { BootSettings, ImagesInfo } from "./model.ts";

/** Why these settings need a boot from power-on, as a sentence; undefined when a prepared machine fits them. */
export function whyNotPrepared(settings: BootSettings, { prepared, kernel }: ImagesInfo): string | undefined {
  if (!prepared) return "This server has no prepared machine yet: it is made after the small kernel.";
  if (settings.tpm !== prepared.tpm) return `The prepared machine has a TPM ${prepared.tpm}.`;
  if (settings.firmware !== "bios") return "The prepared machine has a BIOS.";
  if (Object.keys(settings.images).length) return "The prepared machine has no images of your own.";
  if ((settings.kernel === "auto" ? kernel : settings.kernel) !== prepared.kernel)
    return `The prepared machine runs the ${prepared.kernel} kernel.`;
  if (settings.memory !== prepared.memory)
    return `The prepared machine has ${prepared.memory} MiB of memory.`;
  if (settings.cmdline !== undefined && settings.cmdline !== prepared.cmdline)
    return "The prepared machine was booted with the kernel's usual command line.";
  if (settings.interface !== "TIS") return "The prepared machine has the TIS (FIFO) interface.";
  if (settings.interrupt) return "The prepared machine polls its TPM.";
  if (!settings.measured) return "The prepared machine's kernel and initrd were measured.";
  if (settings.bootMenu) return "The boot menu is part of a boot from power-on.";
  return undefined;
}

/** How guest and TPM differ from those of a real boot. */
export const PREPARED_DIFFERENCES =
  "The guest has booted once, when this page's images were made, and goes on from there. The TPM is this machine's own: " +
  "the page starts it and repeats the measurements of that boot, so that PCRs and event log are those of a measured " +
  "boot, although nothing is measured now. The firmware has not set the TPM's authorizations, so the platform " +
  "hierarchy is open; and until the guest has drawn new ones, its random numbers are those of everybody who starts " +
  "from this machine: make no keys in it that matter, except in the TPM. Its clock goes on from the day of that boot. " +
  "A reset boots from power-on.";
