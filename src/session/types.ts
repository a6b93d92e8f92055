/**
 * The vocabulary of a running TPM as the page and embedders see it: status, command records, and the `Tpm` object.
 * Types only; `tpm.ts` beside this file is the implementation.
 */

import type { Failure } from "../backend/failure.ts";
import type { BackendCapabilities } from "../backend/port.ts";
import type {
  AccessSize,
  InterfaceMove,
  InterfaceState,
  MmioDevice,
  TpmVersion,
} from "../device/frontend/port.ts";
import type { PcrBank } from "../protocol/tpm2/pcr-bank.ts";

export type { PcrBank };

/** Where the register interface runs: in a worker behind shared memory, or on the emulator's own thread. */
export type Placement = "worker" | "local";

/** Who runs the TPM commands; `own` is one that the embedder brings. */
export type BackendKind = "bridge" | "proxy" | "hidden" | "own";

export interface TpmStatus {
  /** `executing` while a TPM command runs; `failed` is failure mode: registers read 0 until a reset succeeds. */
  phase: "starting" | "ready" | "executing" | "failed" | "closed";
  /** One sentence for people: what is going on and, after a failure, what to do. */
  message: string;
  /** What went wrong, while the TPM has failed. */
  failure?: Failure;
  placement: Placement;
  /** Why the device is not in a worker, e.g. that the page is not cross-origin isolated. */
  placementReason?: string;
  backend: BackendKind;
  /** E.g. "swtpm 0.7.1 on ws://127.0.0.1:5173". */
  backendLabel: string;
  /** What the TPM can do, once it has been on; what is not said, it can. */
  capabilities?: Partial<BackendCapabilities>;
  /** Bytes of memory that the hidden machine holds, where one runs the TPM. */
  backendMemory?: number;
  /** `unspecified` until the backend has started, and in failure mode. */
  version: TpmVersion;
  /** Name of the register interface: "tis", "crb", or that of an embedder's own. */
  interface: string;
  /** Whether the guest is told of the interrupt line. */
  interrupt: boolean;
}

/** One TPM command with its answer. Times are `performance.now()` milliseconds of the page. */
export interface CommandRecord {
  /** Counts up from 1 in order of execution. */
  id: number;
  startedAt: number;
  /** Host milliseconds from tpmGo to the response; undefined while it runs. */
  duration?: number;
  locality: number;
  /** TPM_CC / ordinal. */
  code: number;
  /** Field name of the command, e.g. "TPM2_PCR_Extend", or its number in hex. */
  name: string;
  request: Uint8Array;
  response?: Uint8Array;
  /** TPM_RC of the response. */
  responseCode?: number;
  /** E.g. "TPM_RC_SUCCESS". */
  responseName?: string;
  /** `page`: sent by the page itself, e.g. to read the PCRs; the guest does not see it. */
  origin: "guest" | "page";
  /** The guest sent it in the boot that a prepared machine goes on from; the page has sent it again in its place. */
  repeated?: true;
}

/** An operation of the Physical Presence Interface that somebody asked for; `device/ppi/operations.ts` has their names. */
export interface PresenceRequest {
  operation: number;
  /** E.g. the banks for SetPCRBanks. */
  parameter: number;
  /** Who asked; undefined in a machine that was put back from a snapshot. */
  by?: "guest" | "page";
}

/** What was asked of the firmware across a reset of the machine: PPI 1.30, and the memory overwrite request. */
export interface PresenceStatus {
  /** To be carried out by the firmware at the next reset. */
  pending?: PresenceRequest;
  /** What the firmware carried out last since the machine was switched on, and what came of it (`PPI_RESULT`). */
  last?: PresenceRequest & { result: number };
  /** The guest's memory is to be overwritten at the next reset. */
  overwrite: boolean;
  /** It was at the last one. */
  overwritten: boolean;
}

/** Events of a `Tpm`, by name. */
export interface TpmEvents {
  status: TpmStatus;
  /** A command began. The record is the same object that `command` later carries, completed. */
  commandstart: CommandRecord;
  command: CommandRecord;
  /** New PCR values, read from the TPM after something changed them. */
  pcrs: PcrBank[];
  /** The firmware or the guest wrote to the event-log area (coalesced). */
  eventlog: Uint8Array;
  /** Something happened to the TPM that the guest does not see, e.g. that it goes on elsewhere. For people. */
  notice: string;
  /** Something was asked of the firmware, or it has answered. */
  presence: PresenceStatus;
  /** The machine was reset and the TPM with it. */
  reset: undefined;
  /** The register interface moved; of many moves in a row, the last few. Told only while somebody listens. */
  move: InterfaceNews;
}

/** A move of the register interface, and when: `performance.now()` milliseconds of the page. */
export interface InterfaceNews {
  time: number;
  move: InterfaceMove;
}

/**
 * Stands between those who make accesses and the device, which it has to call for each. Gives the device to be used in
 * its place; asked again when the device is another one.
 */
export type AccessTap = (device: MmioDevice, origin: "guest" | "page") => MmioDevice;

/** A TPM attached to (or ready to be attached to) a machine. */
export interface TpmHandle {
  readonly status: TpmStatus;
  /** Resolves when the TPM is powered on; rejects with the reason it could not be. */
  readonly ready: Promise<void>;
  /** The page's side of the device: what the machine's MMIO bus calls. */
  readonly device: MmioDevice;
  /** Every command since the page was opened, oldest first; bounded, the oldest are dropped. */
  readonly commands: readonly CommandRecord[];
  /** A register as the guest would read it, without the side effects of a read. */
  peek(address: number, size: AccessSize): number;
  read(address: number, size: AccessSize): number;
  write(address: number, size: AccessSize, value: number): void;
  /** The locality that has the TPM; -1 when none has. May lag behind writes of a moment ago. */
  readonly activeLocality: number;
  /** State of a locality's command interface; may lag behind writes of a moment ago. */
  state(locality: number): InterfaceState;
  /** Watches the accesses of guest and page, in place of a tap that was there; none costs nothing. */
  tap(tap: AccessTap | undefined): void;
  /**
   * Plays the driver: claims locality 0, sends `command` through the registers and gives the response.
   * @throws {TpmBusyError} when a guest owns the TPM or a command runs.
   */
  command(command: Uint8Array): Promise<Uint8Array>;
  /** Reads all PCR banks from the TPM, between the guest's commands. */
  pcrs(): Promise<PcrBank[]>;
  /** The event-log area as it stands, cut after the last event. */
  eventLog(): Uint8Array;
  /** What was asked of the firmware, e.g. to clear the TPM. */
  readonly presence: PresenceStatus;
  /**
   * Asks the firmware for an operation of the Physical Presence Interface, as the operating system can; it is carried out
   * at the machine's next reset. 0 takes back what was asked for.
   * @throws {RangeError} for one that this firmware does not carry out, or not for this TPM.
   */
  requestPresence(operation: number, parameter?: number): void;
  /** Power-cycles the TPM and resets the device. @throws {TpmUnableError} when the TPM cannot be. */
  reset(): Promise<void>;
  close(): Promise<void>;
  on<K extends keyof TpmEvents>(event: K, listener: (detail: TpmEvents[K]) => void): () => void;
}
