/** What a boot is like where nobody asks for something else. */
import type { BootSettings } from "./model.ts";

/** v86 puts the initrd at 64 MiB, so Linux with the project's initrd needs more than that. */
export const MEMORY_CHOICES = [128, 256, 512, 1024] as const;
const DEFAULT_MEMORY = 128;

export const DEFAULT_SETTINGS: Readonly<BootSettings> = {
  tpm: "2.0",
  firmware: "bios",
  kernel: "auto",
  memory: DEFAULT_MEMORY,
  bootMenu: false,
  measured: true,
  interface: "TIS",
  signature: "none",
  interrupt: false,
  placement: "auto",
  backend: "auto",
  start: "power-on",
  images: {},
};
