/** Guests that the page's server has ready, each with what it shows and what it weighs. */
import type { BootSettings, BuildInfo, ImagesInfo } from "./model.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

export interface Guest {
  id: "small" | "debian";
  name: string;
  /** What it shows, and what that takes. */
  text: string;
  /** What its settings are; undefined where it is not there yet, which the text then says. */
  settings: Pick<BootSettings, "images" | "memory" | "kernel" | "start"> | undefined;
}

/** Those that this server has or is making; one alone is nothing to choose from. */
export function gallery({ guest, debian, debianBuild }: ImagesInfo): readonly Guest[] {
  const small: Guest = {
    id: "small",
    name: "The small guest",
    text: `Kernel and initrd, measured one by one; a shell in seconds. ${guest}.`,
    settings: { images: {}, memory: DEFAULT_SETTINGS.memory, kernel: "auto", start: "power-on" },
  };
  if (!debian && !debianBuild) return [small];
  return [
    small,
    {
      id: "debian",
      name: debian?.title ?? "Debian",
      text: `${DEBIAN_SHOWS} ${debian ? weight(debian.size) : progress(debianBuild!)}`,
      settings: debian && {
        images: { hda: { kind: "url", url: debian.url } },
        memory: debian.memory,
        kernel: "auto",
        start: "power-on",
      },
    },
  ];
}

const DEBIAN_SHOWS =
  "A system as it is installed on a PC: GRUB, Debian's own kernel, systemd, and disks whose keys the TPM keeps " +
  "(systemd-cryptenroll, clevis).";

const weight = (size: number) =>
  `Root needs no password. It takes minutes to its login; of its disk (${(size / 2 ** 30).toFixed(1)} GiB) only what it reads is fetched.`;

const progress = ({ state, message, percent }: BuildInfo) =>
  state === "failed"
    ? `It could not be made: ${message}`
    : `It is being made: ${message}, ${Math.round(percent)} %.`;

/** Which of them the settings are of; undefined for other images. */
export function chosenGuest(
  { images, kernel }: BootSettings,
  guests: readonly Guest[],
): Guest["id"] | undefined {
  const slots = Object.keys(images);
  if (slots.length === 0) return "small";
  const debian = guests.find(({ id }) => id === "debian")?.settings?.images.hda;
  const disk = images.hda;
  const own = debian?.kind === "url" && disk?.kind === "url" && disk.url === debian.url;
  return own && slots.length === 1 && kernel === "auto" ? "debian" : undefined;
}
