/** What an address wants, in words. */
import type { LinkText, WishText } from "../ui/shell/ask-link.ts";
import type { LinkQuestion } from "./link-guard.ts";
import { plain, type Wish } from "./link-wishes.ts";
import type { ParameterName } from "./options.ts";

const LABELS: Partial<Record<ParameterName, string>> = {
  bridge: "Bridge that runs the TPM",
  hda: "Disk",
  cdrom: "CD",
  fda: "Floppy",
  bzimage: "Linux kernel",
  initrd: "Initrd",
  firmware: "Firmware",
  kernel: "Kernel of this page",
  cmdline: "Command line",
  measured: "Measuring",
  signature: "The kernel's signature",
  start: "Start",
};

/** Values that are no words by themselves. */
const VALUES: Partial<Record<ParameterName, Readonly<Record<string, string>>>> = {
  firmware: { bios: "BIOS", uefi: "UEFI" },
  signature: { signed: "signed by this server's key", tampered: "signed, and then changed" },
  measured: { "0": "off: neither kernel nor command line goes into a PCR" },
  start: { prepared: "from a prepared machine, without a boot" },
};

/** What stands for a parameter that is not there. */
const USUAL: Partial<Record<ParameterName, string>> = {
  bridge: "this page's own",
  measured: "on",
  signature: "none",
  start: "from power-on",
  firmware: "BIOS",
  cmdline: "the kernel's usual one",
  kernel: "the fastest there is",
};

export function inWords({ wishes, machine, by }: LinkQuestion): LinkText {
  return {
    by,
    wishes: wishes.map(wishInWords),
    machine,
    bridge: wishes.some(({ name }) => name === "bridge"),
  };
}

function wishInWords({ name, value, origin, instead }: Wish): WishText {
  return {
    label: LABELS[name] ?? name,
    value: told(name, value),
    origin,
    instead:
      instead === undefined ? undefined : instead === "" ? (USUAL[name] ?? "none") : told(name, instead),
  };
}

function told(name: ParameterName, value: string): string {
  const words = VALUES[name];
  return words && Object.hasOwn(words, value) ? words[value]! : plain(value) || "(empty)";
}
