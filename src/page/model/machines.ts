/** What the machines view shows, and what its user can ask for. */
import type { DriveHead } from "../../machine/drive/log.ts";
import type { MachineRecord, SnapshotRecord, StorageEstimate } from "../../session/vault/types.ts";

/** When a snapshot is taken without being asked for. */
export type AutoSnapshot = "off" | "timer" | "hidden";

/** Something that lasts. */
export interface Work {
  /** What is done, e.g. `Saving the snapshot "before the update"`. */
  what: string;
  /** The step that it is at, e.g. "compressing". */
  step: string;
  /** 0 to 1; undefined when nobody knows. */
  progress?: number | undefined;
  /** Gives it up; undefined where that cannot be done (any more). */
  cancel?: (() => void) | undefined;
}

/** A disk of a kept machine. */
export interface KeptDisk {
  head: DriveHead;
  /** Bytes of it that the guest has written; undefined while nobody has it open. */
  written?: number | undefined;
  /** What keeping them takes. */
  stored: number;
  /** It is in the machine that runs. */
  here: boolean;
}

/** How a disk is given out: whole, for anybody or for QEMU; or only what was written, over the image that it lies on. */
export type DiskFormat = "raw" | "qcow2" | "changes";

export interface KeptMachines {
  /** Undefined until they were read. */
  list?: readonly MachineRecord[] | undefined;
  /** Why nothing can be kept or read, in words; undefined while it can. */
  unavailable?: string | undefined;
  /** Machines that cannot be read: why, in words. */
  unreadable: readonly string[];
  /** Name of the machine that was chosen, here or in the address; undefined for the usual one. See `machineName`. */
  chosen?: string | undefined;
  /** What the page boots is kept nowhere, and no machine of the list is touched. */
  throwAway?: boolean | undefined;
  /** Id of the machine that this tab runs; its state is kept. */
  running?: string | undefined;
  /** Machine whose snapshots are shown, and these. */
  selected?: string | undefined;
  snapshots: readonly SnapshotRecord[];
  /** Disks of the machine that is selected. */
  disks: readonly KeptDisk[];
  estimate?: StorageEstimate | undefined;
  work?: Work | undefined;
  auto: AutoSnapshot;
}

/** Like `PageActions`: nothing here throws or rejects, failures become notices. */
export interface MachineActions {
  /** Reads everything anew, e.g. after another tab changed something. */
  refresh(): void;
  /** Shows the snapshots of a machine. */
  select(id: string): void;
  /** Ends the machine that runs, and boots this one. */
  use(id: string): void;
  make(name: string, tpmVersion: MachineRecord["tpmVersion"]): void;
  renameMachine(id: string, name: string): void;
  copyMachine(id: string, name: string): void;
  removeMachine(id: string): void;
  /** Gives the file to the browser's downloads. @param passphrase none when empty. */
  exportFile(id: string, passphrase: string): void;
  importFile(file: File, passphrase: string): void;
  /** Of the machine that runs. */
  takeSnapshot(name: string): void;
  /** Ends the machine that runs, and goes on from there. */
  rollBack(machineId: string, snapshotId: string): void;
  /** Forgets what was written to a disk, for good. */
  forgetWritten(machineId: string, disk: DriveHead): void;
  /** Takes what was exported as `changes` in the place of what was written to a disk. */
  importWritten(machineId: string, disk: DriveHead, file: File): void;
  /** Gives the disk of the machine that runs to the browser's downloads. */
  exportDisk(format: DiskFormat): void;
  removeSnapshot(machineId: string, snapshotId: string): void;
  setAuto(auto: AutoSnapshot): void;
  /** Asks the browser to keep everything also when the disk is full. */
  persist(): void;
}
