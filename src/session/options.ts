/** What an embedder can choose about a TPM, and what follows from it for where things run. */
import type { BackendInfo, TpmKeep } from "../backend/port.ts";
import type { FrontEnd } from "../frontend/port.ts";
import { TIS } from "../tis/front-end.ts";
import { bridgeUrls, kindOf, type TpmBackendOptions } from "./backend-target.ts";
import { whyNotWorker } from "./placement.ts";
import type { Placement, TpmStatus } from "./types.ts";

export interface TpmAttachOptions extends TpmBackendOptions {
  /** Default "2.0". */
  version?: BackendInfo["version"];
  /** "auto" (default) is a worker wherever the page is cross-origin isolated. */
  placement?: Placement | "auto";
  /**
   * Whose tables tell of the TPM. BIOS (default) is told where to write its event log, and Linux where to read it; UEFI
   * writes it where it likes, and `followUefiLog` finds it. UEFI measures into a TPM 2.0 only.
   */
  firmware?: "bios" | "uefi";
  /** The registers that the guest sees, in place of the FIFO interface's. */
  frontEnd?: FrontEnd;
  /**
   * Where the TPM's permanent state is kept. The TPM begins from it at each power-on, and the guest sees no response to
   * a command that changed it before the change is saved. Called on this thread.
   */
  keep?: TpmKeep;
  /**
   * A running TPM whose bridge is lost goes on at the next one that answers, as it was. Default: with `keep`, or with
   * several bridges. Else it has failed until the machine is reset.
   */
  reconnect?: boolean;
  /** Makes the device worker, where a bundler does not find it by itself. */
  createWorker?: () => Worker;
  /** Guest milliseconds that a TPM command may take before the machine is held; see `CommandHold`. */
  graceMs?: number;
}

/** Placement and backend, as the status tells them. */
export function whereabouts(
  { placement, frontEnd = TIS }: Pick<TpmAttachOptions, "placement" | "frontEnd">,
  backend: TpmBackendOptions,
): Pick<TpmStatus, "placement" | "placementReason" | "backend"> {
  const reason =
    placement === "local"
      ? "it was asked for"
      : backend.open
        ? "its TPM is on the page's thread"
        : whyNotWorker(frontEnd);
  return {
    placement: reason ? "local" : "worker",
    ...(reason && { placementReason: reason }),
    backend: kindOf(backend),
  };
}

/** A state that is kept here, and bridges to choose from, mean that no bridge is to be missed. */
export const reconnects = ({ reconnect, keep }: TpmAttachOptions, { bridge }: TpmBackendOptions): boolean =>
  reconnect ?? (keep !== undefined || bridgeUrls(bridge).length > 1);
