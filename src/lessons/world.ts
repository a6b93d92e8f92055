/** What has happened since a step began, as its checks see it. */
import type { EventLog, LogDifference, PcrComparison, ReplayedBank } from "../eventlog/index.ts";
import type { InterfaceName } from "../interfaces/interfaces.ts";
import type { PcrBank } from "../session/types.ts";
import type { Access } from "../trace/access.ts";
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
  /** What the guest has sent through its serial port since the machine was started. */
  serial: string;
  notes: Notes;
}

/** The value that the page has read of a PCR. */
export function pcrValue(world: World, bank: string, pcr: number): Uint8Array | undefined {
  return world.pcrs.find(({ algorithm }) => algorithm === bank)?.values[pcr];
}
