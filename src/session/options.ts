/** What an embedder can choose about a TPM, and what follows from it for where things run. */
import type { BackendInfo, TpmKeep } from "../backend/port.ts";
import type { DeviceSnapshot, FrontEnd } from "../device/frontend/port.ts";
import {
  INTERFACES,
  type InterfaceName,
  interfaceOf,
  interfaceOfSnapshot,
  whyNotInterface,
} from "../device/interfaces/interfaces.ts";
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
  /** The registers that the guest sees: "TIS" (FIFO, the default) or "CRB", which is a TPM 2.0's only. */
  interface?: InterfaceName;
  /** The guest is told of the TPM's interrupt line, and its driver may wait for it. Without, it polls: the default. */
  interrupt?: boolean;
  /** Registers of the embedder's own, in place of `interface`. */
  frontEnd?: FrontEnd;
  /**
   * Where the TPM's permanent state is kept. The TPM begins from it at each power-on, and the guest sees no response to
   * a command that changed it before the change is saved. Called on this thread.
   */
  keep?: TpmKeep;
  /**
   * A TPM of which nothing is kept yet is made as one that leaves the factory: with its endorsement key and, a TPM 2.0,
   * the certificates of its keys in NV, by an issuer of its own that vouches for nothing. Once, at its first power-on.
   */
  factory?: boolean;
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

/** @throws {RangeError} for an interface that a TPM of this version cannot have. */
export function frontEndFor({
  interface: name = "TIS",
  frontEnd,
  version = "2.0",
}: Pick<TpmAttachOptions, "interface" | "frontEnd" | "version">): FrontEnd {
  if (frontEnd) return frontEnd;
  const chosen = INTERFACES[name];
  if (!chosen) throw new RangeError(`there is no register interface "${name}": it is "TIS" or "CRB"`);
  const why = whyNotInterface(chosen, version);
  if (why) throw new RangeError(why);
  return chosen.frontEnd;
}

/** @throws {RangeError} when the snapshot's registers are those of another interface. */
export function refuseOther({ format }: Pick<DeviceSnapshot, "format">, frontEnd: FrontEnd): void {
  const [saved, present] = [interfaceOfSnapshot(format), interfaceOf(frontEnd.name)];
  if (!saved || !present || saved === present) return;
  throw new RangeError(
    `the snapshot is of a machine whose TPM has the ${saved.name} interface, and this one's has the ${present.name} interface`,
  );
}

/** Placement and backend, as the status tells them. */
export function whereabouts(
  { placement }: Pick<TpmAttachOptions, "placement">,
  frontEnd: FrontEnd,
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
