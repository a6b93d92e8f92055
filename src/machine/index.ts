/** The machine: the bus that a TPM is attached to, v86 behind it, the guest's clock, tables for the firmware. */

export type { GuestClock, MachineBus, MmioWindow } from "./bus.ts";
export { EVENT_LOG_WINDOW, firmwareFiles } from "./firmware/acpi.ts";
export { EventLogArea } from "./firmware/event-log-area.ts";
export {
  createGuestClock,
  type GuestClockParts,
  MachineClock,
  type WasmFunction,
  WasmLoadError,
  type WasmSource,
} from "./time/clock.ts";
export { CommandHold, type CommandHoldOptions } from "./time/command-hold.ts";
export { MachineCrashError } from "./time/slices.ts";
export { createV86, MachineLoadError } from "./v86/create-v86.ts";
export { attachV86, V86Bus } from "./v86/v86.ts";
export { type V86Emulator, V86VersionError } from "./v86/v86-internals.ts";
