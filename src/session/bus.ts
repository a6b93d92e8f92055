/** What the session does to the machine on its bus: announces the TPM to the firmware, and holds the machine still. */
import { CRB } from "../device/crb/front-end.ts";
import type { TpmVersion } from "../device/tis/ports.ts";
import type { MachineBus } from "../machine/bus.ts";
import { FIRMWARE_FILE_NAMES, firmwareFiles } from "../machine/firmware/acpi.ts";
import type { TpmStatus } from "./types.ts";

/**
 * The TPM's interrupt line, an ISA one: the number that TPM_INT_VECTOR shows. Free in v86's machines, where only a sound
 * card that nobody uses has it.
 */
export const IRQ = 5;

/** The firmware files of a TPM of this version, in place of those that were there. @param log see `firmwareFiles`. */
export function announce(
  bus: MachineBus,
  version: TpmVersion,
  log: Parameters<typeof firmwareFiles>[1],
  { interface: frontEnd, interrupt }: Pick<TpmStatus, "interface" | "interrupt">,
): void {
  for (const name of FIRMWARE_FILE_NAMES) bus.removeFirmwareFile(name);
  const irq = interrupt ? IRQ : undefined;
  for (const { name, data } of firmwareFiles(version, log, { crb: frontEnd === CRB.name, irq }))
    bus.setFirmwareFile(name, data);
}

/** Runs `work` while the machine stands still. */
export async function heldFor<T>(
  bus: Pick<MachineBus, "hold" | "settled">,
  reason: string,
  work: () => Promise<T>,
): Promise<T> {
  const release = bus.hold(reason);
  try {
    await standstill(bus);
    return await work();
  } finally {
    release();
  }
}

/** A hold takes effect at the end of the slice of guest code that runs now. */
async function standstill(bus: Pick<MachineBus, "settled">): Promise<void> {
  await (bus.settled?.() ?? new Promise((resolve) => setTimeout(resolve, 0)));
}
