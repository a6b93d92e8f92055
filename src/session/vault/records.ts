/** Machine records: as they are stored, read, named. Used within transactions. */
import { promisifyRequest } from "idb-keyval";
import { nameOr } from "../reading/numbers.ts";
import type { Stores } from "./database.ts";
import { MachineNameError, VaultMissingError } from "./errors.ts";
import { MACHINE_FORMAT, readFormat, writeFormat } from "./format.ts";
import type { MachineRecord } from "./types.ts";

const MAX_NAME_LENGTH = 100;

export function readMachine(stored: unknown): MachineRecord {
  const { name, id } = (stored ?? {}) as { name?: unknown; id?: unknown };
  return readFormat(MACHINE_FORMAT, stored, `the machine "${nameOr(name, nameOr(id, "without a name"))}"`);
}

export function missing(): VaultMissingError {
  return new VaultMissingError(
    "there is no such machine (any more): it was deleted, or this site's data was cleared",
  );
}

/** Part of a transaction. @throws {VaultMissingError} */
export async function machineOf({ machines }: Pick<Stores, "machines">, id: string): Promise<MachineRecord> {
  const stored = await promisifyRequest(machines.get(id));
  if (stored === undefined) throw missing();
  return readMachine(stored);
}

export function putMachine(machines: IDBObjectStore, machine: MachineRecord): MachineRecord {
  machines.put(writeFormat(MACHINE_FORMAT, machine), machine.id);
  return machine;
}

export async function refuseTakenName(
  machines: IDBObjectStore,
  name: string,
  except?: string,
): Promise<void> {
  const all = (await promisifyRequest(machines.getAll())) as { id?: string; name?: string }[];
  if (all.some((machine) => machine.name === name && machine.id !== except)) {
    throw new MachineNameError(`there is a machine named "${name}" already. Choose another name`);
  }
}

export function checkedName(name: string): string {
  const trimmed = name.trim();
  if (trimmed && trimmed.length <= MAX_NAME_LENGTH) return trimmed;
  throw new MachineNameError(`a machine's name has 1 to ${MAX_NAME_LENGTH} characters`);
}
