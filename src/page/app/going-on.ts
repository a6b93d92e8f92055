/** Machines that do not boot: they go on where a snapshot of theirs left them, or where a prepared one is. */

import { PreparedError, type PreparedMachine } from "../../session/prepared.ts";
import type { MachineSnapshot } from "../../session/vault/types.ts";
import type { BootSettings, ImagesInfo, Notice } from "../model/model.ts";
import { PREPARED_DIFFERENCES, whyNotPrepared } from "../model/prepared.ts";
import type { MachineParts } from "./machine.ts";
import * as troubles from "./troubles.ts";

/** There is nothing to take a snapshot of. */
export class SnapshotError extends Error {
  override name = "SnapshotError";
}

/** Not needed for the first view; whoever goes on has loaded it with the machine. */
const session = () => import("../../session/snapshot.ts");

/** @throws what keeps the machine from being put there; it has been closed then. */
export async function putBack(machine: MachineParts, snapshot: MachineSnapshot): Promise<void> {
  const emulator = snapshot.emulator as Uint8Array<ArrayBuffer>;
  const { restoreSnapshot } = await session();
  await orClose(machine, restoreSnapshot(machine, { ...snapshot, emulator }));
}

/** @throws {PreparedError} the machine has been closed then. */
export async function goOn(machine: MachineParts, prepared: PreparedMachine): Promise<void> {
  const { startPrepared } = await session();
  try {
    await orClose(machine, startPrepared(machine, prepared, prepared.commands));
  } catch (cause) {
    const reason = (cause as Error).message;
    throw new PreparedError(`The prepared machine could not be started: ${reason}.`, { cause });
  }
}

async function orClose(machine: MachineParts, work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    await machine.close();
    throw error;
  }
}

/**
 * What the reader should know about how a machine was started.
 * @param prepared whether it goes on from a prepared one
 * @param boot boots it from power-on
 */
export function startNotice(
  settings: BootSettings,
  images: ImagesInfo | undefined,
  prepared: boolean,
  boot: () => void,
): Notice | undefined {
  if (prepared) return troubles.preparedStart(PREPARED_DIFFERENCES, boot);
  const why = settings.start === "prepared" && images && whyNotPrepared(settings, images);
  return why ? troubles.notPrepared(why) : undefined;
}
