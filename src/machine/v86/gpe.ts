/**
 * The PC's general-purpose events and hotplug controllers as an operating system that nobody prepared expects them.
 * v86 keeps what is written to the event status registers, where the real ones (PIIX4: GPE0_STS at 0xAFE0, two bytes)
 * clear each bit that is written as one: Linux, which clears all of them at its start, would see every event set. And
 * where v86 has nothing, at the hotplug controllers' ports (0xAE00 on), all ones are read: the firmware's handler of
 * event 1 then takes every slot for one whose device is to be ejected, the disk's among them.
 */
import type { V86Cpu } from "./v86-internals.ts";

/** GPE0_STS (Intel 82371AB, section 7.3): status; the two bytes behind it enable. */
const GPE_STATUS = 0xafe0;
const GPE_STATUS_BYTES = 2;
/** PCI hotplug's registers, as QEMU's `docs/specs/acpi_pci_hotplug` has them: slots up, down, to eject, removable. */
const HOTPLUG = 0xae00;
const HOTPLUG_END = 0xae18;

/** Takes over these ports; once per machine. A machine made without ACPI is left alone. */
export function repairEvents({ io, devices }: Pick<V86Cpu, "io" | "devices">): void {
  const { acpi } = devices;
  if (!acpi) return;
  for (let index = 0; index < GPE_STATUS_BYTES; index++) {
    io.register_write(GPE_STATUS + index, acpi, (value) => {
      (acpi.gpe[index] as number) &= ~value;
    });
  }
  const none = () => 0;
  for (let port = HOTPLUG; port < HOTPLUG_END; port++) {
    io.register_read(port, acpi, none, none, none);
  }
}
