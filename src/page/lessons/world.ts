/** What has happened since a step began, as its checks see it. */

import type { InterfaceName } from "../../device/interfaces/interfaces.ts";
import type { EventLog, LogDifference, PcrComparison, ReplayedBank } from "../../protocol/eventlog/index.ts";
import type { UefiVariable } from "../../protocol/uefi/variable-store.ts";
import type { Access } from "../../session/trace/access.ts";
import type { PcrBank, PresenceStatus } from "../../session/types.ts";
import type { Notes } from "./lesson.ts";
import type { SeenCommand } from "./seen.ts";

/** A boot's event log with what follows from it. */
export interface LogFacts {
  log: EventLog;
  banks: readonly ReplayedBank[];
  comparison: readonly PcrComparison[];
  /** Against the boot before; undefined when there was none. */
  differences?: readonly LogDifference[] | undefined;
}

export interface World {
  /** Another one each time the page is loaded. */
  page: string;
  machine: "off" | "loading" | "running" | "paused" | "failed";
  /** A TPM is on the bench, without a machine. */
  bench: boolean;
  /** The register interface of the TPM there is; undefined without one. */
  registers: InterfaceName | undefined;
  /** Of the TPM there is; undefined without one, and until it has started. */
  family: "2.0" | "1.2" | undefined;
  /** What the machine that runs began with; undefined without one. */
  firmware: "bios" | "uefi" | undefined;
  /** UEFI's variables, of the machine that runs or that boots next; undefined until they were looked at. */
  variables: readonly UefiVariable[] | undefined;
  /** The guest's shell has come up since the machine was started. */
  shell: boolean;
  /** How often the machine was started or reset since the step began. */
  starts: number;
  /** The machine's latest start, as commands count them. */
  start: number;
  /** Who owns the registers now, and their state. */
  interface: { locality: number | undefined; state: string } | undefined;
  /** TPM_ACCESS of each locality, as it reads now; empty without a TPM. */
  access: readonly number[];
  /** Accesses by hand since the step began, oldest first. */
  accesses: readonly Access[];
  /** Commands that ended since the step began, oldest first; the page's own reading of PCRs is left out. */
  commands: readonly SeenCommand[];
  /** The command that the reader has picked in the list. */
  selected: SeenCommand | undefined;
  /** The panes in sight. */
  panes: readonly string[];
  /** The TPM's own values, read by the page after the last change. */
  pcrs: readonly PcrBank[];
  log: LogFacts | undefined;
  /** What was asked of the firmware, and what came of it; undefined without a machine. */
  presence: PresenceStatus | undefined;
  /** What the guest has sent through its serial port since the machine was started. */
  serial: string;
  notes: Notes;
}

/** The value that the page has read of a PCR. */
export function pcrValue(world: World, bank: string, pcr: number): Uint8Array | undefined {
  return world.pcrs.find(({ algorithm }) => algorithm === bank)?.values[pcr];
}
