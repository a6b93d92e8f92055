/**
 * The register interfaces that a PC's TPM can have, side by side: what carries each, and the tables that those read who
 * store, watch and show one.
 */
import { CRB } from "../crb/front-end.ts";
import { REGISTERS as CRB_REGISTERS, type RegisterKey as CrbRegisterKey } from "../crb/registers.ts";
import { CRB_SNAPSHOT_FORMAT, readSnapshot as readCrbSnapshot } from "../crb/snapshot.ts";
import { TRANSITIONS as CRB_TRANSITIONS } from "../crb/states.ts";
import type { FrontEnd, InterfaceState, TpmVersion } from "../frontend/port.ts";
import type { Register } from "../frontend/registers.ts";
import { TIS } from "../tis/front-end.ts";
import { REGISTERS as TIS_REGISTERS, type RegisterKey as TisRegisterKey } from "../tis/registers.ts";
import { readSnapshot as readTisSnapshot, TIS_SNAPSHOT_FORMAT } from "../tis/snapshot.ts";
import { TRANSITIONS as TIS_TRANSITIONS } from "../tis/states.ts";

/** As it is asked for. */
export type InterfaceName = "TIS" | "CRB";

export type RegisterKey = TisRegisterKey | CrbRegisterKey;

/** A row of the table of states, as far as its readers need it. */
export interface InterfaceTransition {
  readonly from: InterfaceState;
  readonly on: string;
  readonly to: InterfaceState;
  readonly meaning: string;
}

export interface RegisterInterface {
  readonly name: InterfaceName;
  /** For people. */
  readonly title: string;
  /** The TPMs that can have it. */
  readonly versions: readonly Exclude<TpmVersion, "unspecified">[];
  readonly frontEnd: FrontEnd;
  /** Of one locality, by key. */
  readonly registers: Readonly<Record<string, Register>>;
  readonly transitions: readonly InterfaceTransition[];
  readonly snapshot: {
    /** `DeviceSnapshot.format`. */
    readonly format: string;
    /** Its members that are bytes. */
    readonly bytes: readonly string[];
    /** @throws when it is none of this interface's. */
    check(snapshot: unknown): void;
  };
}

export const INTERFACES: Readonly<Record<InterfaceName, RegisterInterface>> = {
  TIS: {
    name: "TIS",
    title: "TIS (FIFO)",
    versions: ["2.0", "1.2"],
    frontEnd: TIS,
    registers: TIS_REGISTERS,
    transitions: TIS_TRANSITIONS,
    snapshot: { format: TIS_SNAPSHOT_FORMAT, bytes: ["fifo"], check: readTisSnapshot },
  },
  CRB: {
    name: "CRB",
    title: "CRB (command response buffer)",
    versions: ["2.0"],
    frontEnd: CRB,
    registers: CRB_REGISTERS,
    transitions: CRB_TRANSITIONS,
    snapshot: { format: CRB_SNAPSHOT_FORMAT, bytes: ["data", "packet"], check: readCrbSnapshot },
  },
};

const ALL: readonly RegisterInterface[] = Object.values(INTERFACES);

/** The one whose front end has this name (`FrontEnd.name`, `TpmStatus.interface`); undefined for one of an embedder's. */
export const interfaceOf = (frontEndName: string): RegisterInterface | undefined =>
  ALL.find(({ frontEnd }) => frontEnd.name === frontEndName);

/** The one that took a snapshot; undefined for one of an embedder's. */
export const interfaceOfSnapshot = (format: string): RegisterInterface | undefined =>
  ALL.find(({ snapshot }) => snapshot.format === format);

/** Why a TPM of this version cannot have the interface, as a sentence; undefined when it can. */
export function whyNotInterface(
  { name, versions }: RegisterInterface,
  version: Exclude<TpmVersion, "unspecified">,
): string | undefined {
  if (versions.includes(version)) return undefined;
  return `The ${name} interface is for a TPM ${versions.join(" or ")}; a TPM ${version} has the TIS (FIFO) interface.`;
}
