/** What the session does to the machine on its bus: announces the TPM to the firmware, and holds the machine still. */

import type { MachineBus } from "../machine/bus.ts";
import { FIRMWARE_FILE_NAMES, firmwareFiles } from "../machine/firmware/acpi.ts";
import type { TpmVersion } from "../tis/ports.ts";

/** The firmware files of a TPM of this version, in place of those that were there. @param log see `firmwareFiles`. */
export function announce(
  bus: MachineBus,
  version: TpmVersion,
  log: Parameters<typeof firmwareFiles>[1],
): void {
  for (const name of FIRMWARE_FILE_NAMES) bus.removeFirmwareFile(name);
  for (const { name, data } of firmwareFiles(version, log)) bus.setFirmwareFile(name, data);
}

/** Runs `work` while the machine stands still. */
export async function heldFor<T>(bus: MachineBus, reason: string, work: () => Promise<T>): Promise<T> {
  const release = bus.hold(reason);
  try {
    await standstill(bus);
    return await work();
  } finally {
    release();
  }
}

/** A hold takes effect at the end of the slice of guest code that runs now. */
async function standstill(bus: MachineBus): Promise<void> {
  await (bus.settled?.() ?? new Promise((resolve) => setTimeout(resolve, 0)));
}
