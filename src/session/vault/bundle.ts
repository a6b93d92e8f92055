/** A machine with all it has, between the store and a file. */
import type { PackedFlash } from "./flash-state.ts";
import type { PackedSnapshot, ReadableSnapshot } from "./snapshots.ts";
import type { PackedTpm } from "./tpm-state.ts";
import type { MachineRecord, Vault } from "./types.ts";

export interface MachineBundle {
  machine: MachineRecord;
  /** Missing when the TPM was never saved. */
  tpm?: PackedTpm;
  /** Missing where the machine has the factory's variables, or no UEFI. */
  flash?: PackedFlash;
  snapshots: readonly ReadableSnapshot[];
  /** Why there are snapshots that are not among these. */
  unreadable: readonly Error[];
}

/** A machine that came from elsewhere: checked, in memory, and nothing but data, so that another thread may have made it. */
export interface ReadMachine {
  machine: Omit<MachineRecord, "id" | "tpmSize" | "snapshotSize">;
  tpm?: PackedTpm;
  flash?: PackedFlash;
  snapshots: readonly PackedSnapshot[];
}

export interface BundleVault extends Vault {
  /** Everything there is of a machine. The snapshots' parts are read when they are asked for. */
  bundle(id: string): Promise<MachineBundle>;
  /** Makes a machine of all that, in one transaction, under a new id. */
  putBundle(machine: ReadMachine, name: string): Promise<MachineRecord>;
}
