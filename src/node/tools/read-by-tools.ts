/** How much of an event log tpm2-tools 5.4 read. */
import { EVENT_TYPES } from "../../protocol/eventlog/event-types.ts";

/** UEFI_IMAGE_LOAD_EVENT without a path: four numbers of 64 bits (Firmware Profile 1.06, section 10.2.3). */
const IMAGE_LOAD_EVENT = 32;

/**
 * `tpm2_eventlog` prints all events, or those up to the first that it takes for cut off: shim for 32 bits writes a
 * UEFI_IMAGE_LOAD_EVENT with numbers of its processor's size, 24 bytes in all.
 */
export function readByTools(events: readonly { type: number; size: number }[]): number {
  const { id } = EVENT_TYPES.EV_EFI_BOOT_SERVICES_APPLICATION;
  const short = events.findIndex(({ type, size }) => type === id && size < IMAGE_LOAD_EVENT);
  return short < 0 ? events.length : short + 1;
}
