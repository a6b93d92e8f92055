/** A bus with no machine on it: for a TPM whose registers the page alone drives. */
import type { MachineBus } from "../machine/bus.ts";

/** Nothing is ever reset, interrupted or held; devices are reached through the TPM itself. */
export class NoMachine implements MachineBus {
  readonly clock = { frozen: false, now: () => performance.now() };
  readonly holds: readonly string[] = [];
  attach(): void {}
  setFirmwareFile(): void {}
  removeFirmwareFile(): void {}
  setIrq(): void {}
  onReset(): () => void {
    return () => undefined;
  }
  hold(): () => void {
    return () => undefined;
  }
}
