/**
 * What is kept of a machine, and who keeps it: records, the state of a TPM, snapshots of a whole machine. Types only;
 * `store.ts` beside this file keeps them in IndexedDB.
 */
import type { TpmState } from "../../backend/port.ts";
import type { TpmVersion } from "../../device/tis/ports.ts";
import type { TpmSnapshot } from "../../worker/events.ts";

/** Times are milliseconds since 1970, sizes are bytes. */

/** What can be written as JSON. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
/** Settings of a machine by name, e.g. the page's boot settings. The vault does not look into them. */
export type MachineSettings = Readonly<Record<string, Json>>;

/** One machine, without its TPM and snapshots. */
export interface MachineRecord {
  /** Never changes, and is never used again. */
  id: string;
  /** What people call it; no two machines have the same. */
  name: string;
  tpmVersion: Exclude<TpmVersion, "unspecified">;
  created: number;
  /** When its TPM's state, name, settings or snapshots last changed. */
  changed: number;
  settings: MachineSettings;
  /** What its TPM's state takes; 0 until the TPM was saved for the first time. */
  tpmSize: number;
  /** What its snapshots take as they are stored. */
  snapshotSize: number;
}

export interface NewMachine {
  name: string;
  tpmVersion: MachineRecord["tpmVersion"];
  settings?: MachineSettings;
}

/** The state of a machine's TPM. */
export interface TpmSave {
  state: TpmState;
  version: MachineRecord["tpmVersion"];
  /** Who made the blobs, for people: `BackendInfo.description`. */
  description: string;
  time: number;
}

/** The content of the flash chip that has UEFI firmware's variables. */
export interface FlashSave {
  bytes: Uint8Array;
  time: number;
}

/** Why a snapshot was taken. */
export type SnapshotReason = "hand" | "timer" | "hidden";

/** A whole machine at one point: to be stored. */
export interface NewSnapshot {
  name: string;
  time: number;
  reason: SnapshotReason;
  tpm: TpmSnapshot;
  /** Who made the TPM's blobs, for people. */
  description: string;
  /** The event-log area, cut after the last event. */
  eventLog: Uint8Array;
  /** The memory of physical presence; empty in a snapshot from before there was one. */
  ppi: Uint8Array;
  /** The emulator's own saved state. */
  emulator: Uint8Array;
  /** The guest's clock when the snapshot was taken, in microticks. */
  clock: number;
  settings: MachineSettings;
}

export interface MachineSnapshot extends NewSnapshot {
  id: string;
}

/** Names of a snapshot's parts. */
export type PartName = "device" | "permanent" | "volatile" | "savestate" | "eventlog" | "ppi" | "emulator";

export interface PartRecord {
  name: PartName;
  size: number;
  /** Of the part itself, not of its compressed form; in hex. */
  sha256: string;
  /** What it takes as it is stored. */
  storedSize: number;
}

/** What a list of snapshots shows. */
export interface SnapshotRecord {
  id: string;
  machineId: string;
  name: string;
  time: number;
  reason: SnapshotReason;
  tpmVersion: MachineRecord["tpmVersion"];
  description: string;
  clock: number;
  settings: MachineSettings;
  parts: readonly PartRecord[];
  /** All parts as they are stored. */
  storedSize: number;
}

/** How far something long has come. */
export type Progress = (step: string, done: number, total: number) => void;

export interface PutOptions {
  /** A snapshot that goes when the new one is there, e.g. the timer's last one; both in one transaction. */
  replace?: string;
  progress?: Progress;
}

export interface StorageEstimate {
  /** What this origin takes, and may take. Browsers round both. */
  usage: number;
  quota: number;
  /** True when the browser does not clear it by itself when the disk is full. */
  persisted: boolean;
}

/** The right to run a machine. Writes of its TPM and snapshots are refused to everybody else meanwhile. */
export interface MachineLock {
  readonly machineId: string;
  /** False once it was given back or taken over. */
  readonly held: boolean;
  release(): Promise<void>;
}

export interface LockOptions {
  /**
   * Takes the machine over from another tab: that one is asked to stop and given time for it, and is left without the
   * lock when it does not answer.
   */
  steal?: boolean;
  /**
   * Another tab takes the machine over: stop it, save what is unsaved. The lock goes when this has resolved or after a
   * few seconds; what is written after that is refused with `MachineLockLostError`.
   */
  onTakeOver?: () => void | Promise<void>;
}

/**
 * Where machines are kept. Every write resolves when it is committed and is otherwise as if it never was; every failure
 * is one of `errors.ts`, in words.
 */
/** What a machine has outside of the vault. */
export interface MachineFiles {
  /** Bytes. */
  size: number;
  copy(copyId: string): Promise<void>;
  /** Takes back what `copy` has done so far. */
  forget(copyId: string): Promise<void>;
}

export interface Vault {
  /** By name. Machines that cannot be read (damaged, of a newer format) are in `unreadable`, and stay untouched. */
  list(): Promise<MachineRecord[]>;
  unreadable(): Promise<{ id: string; error: Error }[]>;
  get(id: string): Promise<MachineRecord>;
  find(name: string): Promise<MachineRecord | undefined>;
  create(machine: NewMachine): Promise<MachineRecord>;
  rename(id: string, name: string): Promise<MachineRecord>;
  setSettings(id: string, settings: MachineSettings): Promise<MachineRecord>;
  /**
   * With its TPM and snapshots. The copy's TPM is the same TPM: same seeds, same keys, same counters. There is no copy
   * before `files` are copied, and none when that fails.
   */
  copy(id: string, name: string, files?: MachineFiles): Promise<MachineRecord>;
  /** With its TPM and snapshots, for good. */
  remove(id: string): Promise<void>;

  /** Undefined until the TPM was saved for the first time. */
  loadTpm(id: string): Promise<TpmSave | undefined>;
  /** Resolves when the transaction is complete, with strict durability where the browser has it. */
  saveTpm(id: string, save: TpmSave): Promise<void>;

  /** Undefined for a machine that has never had UEFI, or that begins with the factory's variables. */
  loadFlash(id: string): Promise<FlashSave | undefined>;
  /** @param save undefined to begin with the factory's variables at the next boot. */
  saveFlash(id: string, save: FlashSave | undefined): Promise<void>;

  /** The whole snapshot or none of it. */
  putSnapshot(machineId: string, snapshot: NewSnapshot, options?: PutOptions): Promise<SnapshotRecord>;
  /** Newest first. */
  listSnapshots(machineId: string): Promise<SnapshotRecord[]>;
  /** Why snapshots of the machine are not in that list: damaged, or of a newer format. They stay untouched. */
  unreadableSnapshots(machineId: string): Promise<Error[]>;
  /** Every part is compared with its size and SHA-256. */
  getSnapshot(machineId: string, id: string, progress?: Progress): Promise<MachineSnapshot>;
  deleteSnapshot(machineId: string, id: string): Promise<void>;

  estimate(): Promise<StorageEstimate>;
  /** Asks the browser to keep the data also when the disk is full. True when it will. */
  persist(): Promise<boolean>;
  /**
   * One owner: no two tabs run the same machine.
   * @throws {MachineInUseError} when another tab has it and `steal` is not set.
   */
  lock(id: string, options?: LockOptions): Promise<MachineLock>;
  close(): void;
}
