/** A TPM on the bench: no machine, the reader is the driver. From the same places as a machine's TPM. */
import type { HiddenImages } from "../../backend/hidden/machine.ts";
import { NoMachine } from "../../session/no-machine.ts";
import { attachTpm } from "../../session/tpm.ts";
import type { TpmHandle } from "../../session/types.ts";
import type { BootSettings } from "../model/model.ts";

export interface BenchOptions {
  settings: BootSettings;
  bridge: string | undefined;
  hidden: HiddenImages | undefined;
}

/** The TPM is on when its `ready` resolves. */
export function benchTpm({ settings, bridge, hidden }: BenchOptions): TpmHandle {
  return attachTpm(new NoMachine(), {
    version: settings.tpm,
    interface: settings.interface,
    interrupt: settings.interrupt,
    ...(settings.placement === "local" && { placement: "local" as const }),
    ...(bridge !== undefined && { bridge }),
    ...(hidden && { hidden }),
  });
}
