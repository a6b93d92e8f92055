/** The machine: the bus that a TPM is attached to, v86 behind it, the guest's clock, tables for the firmware. */

export type { GuestClock, MachineBus, MmioWindow } from "./bus.ts";
export {
  createGuestClock,
  type GuestClockParts,
  MachineClock,
  type WasmFunction,
  WasmLoadError,
  type WasmSource,
} from "./clock.ts";
export { CommandHold, type CommandHoldOptions } from "./command-hold.ts";
export { createV86, MachineLoadError } from "./create-v86.ts";
export { EVENT_LOG_WINDOW, firmwareFiles } from "./firmware/acpi.ts";
export { EventLogArea } from "./firmware/event-log-area.ts";
export { MachineCrashError } from "./slices.ts";
export { attachV86, V86Bus } from "./v86.ts";
export { type V86Emulator, V86VersionError } from "./v86-internals.ts";
