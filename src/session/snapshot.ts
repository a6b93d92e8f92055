/**
 * A whole machine at one point, as QEMU migrates one: the machine is held, the TPM's running command ends, and then
 * registers, TPM, event log and emulator are taken as they stand together. Put back in QEMU's order: first the TPM, with
 * its volatile state, then the registers, in the middle of a transfer too, then the machine.
 *
 * A TPM that was put back twice is the same TPM twice: it draws the same random numbers from there on, and its counters
 * go on from where they were. That is what a snapshot means; whoever offers one says so.
 */
import {
  type EmulatorState,
  restoreEmulator,
  type SavableEmulator,
  saveEmulator,
} from "../machine/snapshot.ts";
import type { V86Bus } from "../machine/v86.ts";
import type { TpmSnapshot } from "../worker/events.ts";
import { heldFor } from "./bus.ts";
import type { Tpm } from "./tpm.ts";

/** The machine that a snapshot is of, or goes into. */
export interface SnapshotParts {
  emulator: SavableEmulator;
  bus: V86Bus;
  tpm: Pick<Tpm, "snapshot" | "restore" | "eventLogArea" | "restoreEventLog" | "status">;
}

export interface MachineState extends EmulatorState {
  tpm: TpmSnapshot;
  /** Who made the TPM's blobs, for people. */
  description: string;
  /** The event-log area as it stood, without the zeros at its end. */
  eventLog: Uint8Array;
  /** Milliseconds since 1970. */
  time: number;
}

const SNAPSHOT_HOLD = "snapshot";

/** Takes a machine that may be running; it stands still meanwhile, and goes on. */
export function takeSnapshot({ emulator, bus, tpm }: SnapshotParts): Promise<MachineState> {
  return heldFor(bus, SNAPSHOT_HOLD, async () => {
    const state = await tpm.snapshot();
    const description = tpm.status.backendLabel;
    const eventLog = tpm.eventLogArea();
    const machine = await saveEmulator(emulator, bus);
    return { tpm: state, description, eventLog, ...machine, time: Date.now() };
  });
}

/**
 * Puts a machine where it was: one that was made in the same way, in this page or another, with a TPM of the same
 * version that is on. It runs on if it ran, or when it is resumed.
 * @throws what keeps TPM or emulator from taking their states; the machine is not to be run then.
 */
export function restoreSnapshot(
  { emulator, bus, tpm }: SnapshotParts,
  snapshot: Pick<MachineState, "tpm" | "eventLog" | "emulator" | "clock">,
): Promise<void> {
  return heldFor(bus, SNAPSHOT_HOLD, async () => {
    await tpm.restore(snapshot.tpm);
    tpm.restoreEventLog(snapshot.eventLog);
    await restoreEmulator(emulator, bus, snapshot);
  });
}
