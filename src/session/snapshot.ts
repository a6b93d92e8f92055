/**
 * A whole machine at one point, as QEMU migrates one: the machine is held, the TPM's running command ends, and then
 * registers, TPM, event log and emulator are taken as they stand together. Put back in QEMU's order: first the TPM, with
 * its volatile state, then the registers, in the middle of a transfer too, then the machine.
 *
 * A TPM that was put back twice is the same TPM twice: it draws the same random numbers from there on, and its counters
 * go on from where they were. That is what a snapshot means; whoever offers one says so.
 */
import type { MachineBus } from "../machine/bus.ts";
import type { Drive } from "../machine/drive/drive.ts";
import { mustHaveDrives } from "../machine/drive/saved-drives.ts";
import {
  type EmulatorState,
  EmulatorStateError,
  restoreEmulator,
  type SavableBus,
  type SavableEmulator,
  saveEmulator,
} from "../machine/snapshot.ts";
import type { UefiMachine } from "../machine/v86/uefi/uefi-machine.ts";
import type { TpmSnapshot } from "../worker/events.ts";
import { heldFor } from "./bus.ts";
import type { Tpm } from "./tpm.ts";
import { isUefiState, packUefiState, unpackUefiState } from "./uefi-state.ts";

/** The machine that a snapshot is of, or goes into. */
export interface SnapshotParts {
  emulator: SavableEmulator;
  bus: SavableBus & Pick<MachineBus, "hold" | "settled">;
  /** Only of a machine with UEFI. */
  uefi?: UefiMachine | undefined;
  /** Its disks; what was written to them belongs to the snapshot. */
  drives?: readonly Pick<Drive, "name" | "isOf" | "prepareSave" | "saved" | "restored">[] | undefined;
  tpm: Pick<Tpm, "snapshot" | "restore" | "standIn" | "holdSaves" | "areas" | "status" | "commands">;
}

export interface MachineState extends EmulatorState {
  tpm: TpmSnapshot;
  /** Who made the TPM's blobs, for people. */
  description: string;
  /** The event-log area as it stood, without the zeros at its end. */
  eventLog: Uint8Array;
  /** The memory of physical presence; empty in a snapshot from before there was one. */
  ppi: Uint8Array;
  /** Milliseconds since 1970. */
  time: number;
}

const SNAPSHOT_HOLD = "snapshot";
const STARTS: ReadonlySet<string> = new Set(["TPM2_Startup", "TPM_Startup"]);
const EXTENDS: ReadonlySet<string> = new Set([
  "TPM2_PCR_Extend",
  "TPM2_PCR_Event",
  "TPM_Extend",
  "TPM_SHA1CompleteExtend",
]);

/** Takes a machine that may be running; it stands still meanwhile, and goes on. */
export function takeSnapshot({
  emulator,
  bus,
  tpm,
  uefi,
  drives = [],
}: SnapshotParts): Promise<MachineState> {
  return heldFor(bus, SNAPSHOT_HOLD, async () => {
    const state = await tpm.snapshot();
    await Promise.all(drives.map((drive) => drive.prepareSave()));
    const description = tpm.status.backendLabel;
    const eventLog = tpm.areas.saveEventLog();
    const ppi = tpm.areas.savePresence();
    const saved = await saveEmulator(emulator, bus).finally(() => {
      for (const drive of drives) drive.saved();
    });
    const machine = uefi ? { ...saved, emulator: packUefiState(uefi.save(), saved.emulator) } : saved;
    return { tpm: state, description, eventLog, ppi, ...machine, time: Date.now() };
  });
}

/**
 * What the guest has measured since its TPM was started: TPM2_Startup and each extend, as it sent them. For
 * {@link startPrepared}; complete while the page still has all commands of this boot.
 */
export function measurements({ tpm }: Pick<SnapshotParts, "tpm">): Uint8Array[] {
  const own = tpm.commands.filter(({ origin, responseCode }) => origin === "guest" && responseCode === 0);
  const start = own.findLastIndex(({ name }) => STARTS.has(name));
  return own
    .slice(Math.max(0, start))
    .filter(({ name }) => STARTS.has(name) || EXTENDS.has(name))
    .map(({ request }) => request.slice());
}

/**
 * Starts a machine from a snapshot that somebody else may have taken, with the TPM that it has: one of its own, kept or
 * new, that has just been powered on. It is started and extended as the guest once did, so that its PCRs are those of
 * the measured boot. What differs from a real boot: nothing was measured now; the TPM knows no objects, sessions or NV
 * indices of the guest's, but its own; the firmware has not set its authorizations; the guest's random numbers and host
 * keys are those of everybody who starts from this snapshot, until it draws new ones.
 * @param commands what {@link measurements} gave when the snapshot was taken.
 */
export function startPrepared(
  { emulator, bus, tpm, drives = [] }: SnapshotParts,
  snapshot: Pick<MachineState, "eventLog" | "emulator" | "clock"> & Pick<TpmSnapshot, "device">,
  commands: readonly Uint8Array[],
): Promise<void> {
  return heldFor(bus, SNAPSHOT_HOLD, async () => {
    await tpm.standIn(snapshot, commands);
    tpm.areas.restoreEventLog(snapshot.eventLog);
    await restoreEmulator(emulator, bus, snapshot);
    await Promise.all(drives.map((drive) => drive.restored()));
  });
}

/**
 * Puts a machine where it was: one that was made in the same way, in this page or another, with a TPM of the same
 * version that is on. It runs on if it ran, or when it is resumed. What is kept of TPM and disks changes when all of
 * them have their state, and not before.
 * @throws {DriveError} when it has not the disks that the snapshot's machine had; nothing has changed then.
 * @throws {RangeError} when its TPM has another register interface; nothing has changed then.
 * @throws what keeps TPM, emulator or disks from taking their states; the machine is not to be run then, and what is kept
 *   of its TPM is as before.
 */
export function restoreSnapshot(
  { emulator, bus, tpm, uefi, drives = [] }: SnapshotParts,
  snapshot: Pick<MachineState, "tpm" | "eventLog" | "ppi" | "emulator" | "clock">,
): Promise<void> {
  return heldFor(bus, SNAPSHOT_HOLD, async () => {
    const state = uefi ? unpackUefiState(snapshot.emulator) : undefined;
    if (!uefi && isUefiState(snapshot.emulator))
      throw new EmulatorStateError("the snapshot is of a machine with UEFI, and this one has a BIOS");
    const saved = state?.emulator ?? snapshot.emulator;
    mustHaveDrives(drives, saved);
    const saves = tpm.holdSaves(snapshot.tpm);
    try {
      await tpm.restore(snapshot.tpm);
      tpm.areas.restoreEventLog(snapshot.eventLog);
      tpm.areas.restorePresence(snapshot.ppi);
      if (state) uefi?.restore(state.uefi);
      await restoreEmulator(emulator, bus, { ...snapshot, emulator: saved });
      await Promise.all(drives.map((drive) => drive.restored()));
      await saves.commit();
    } catch (error) {
      saves.drop();
      throw error;
    }
  });
}
