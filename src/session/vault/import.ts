/** A machine from a file into the vault. */
import type { BundleVault, ReadMachine } from "./bundle.ts";
import { type ReadOptions, readMachineFile } from "./read-machine.ts";
import type { MachineRecord } from "./types.ts";

export interface ImportOptions extends ReadOptions {
  /** The machine's name here; without it the one it had, with a number when that is taken. */
  name?: string;
  /** Reads the file, e.g. in a worker. */
  read?: (file: Blob, options: ReadOptions) => Promise<ReadMachine>;
}

/**
 * Makes a machine of what `file` holds: all of it, or, when anything is wrong with it, nothing.
 * @throws {ImportError} {PassphraseError} {VaultDamagedError} {VaultNewerError} {VaultFullError} {MachineNameError}
 */
export async function importMachine(
  vault: BundleVault,
  file: Blob,
  { name, read = readMachineFile, ...options }: ImportOptions = {},
): Promise<MachineRecord> {
  const found = await read(file, options);
  options.progress?.("saving", 0, 1);
  const machine = await vault.putBundle(found, name ?? (await freeName(vault, found.machine.name)));
  options.progress?.("saving", 1, 1);
  return machine;
}

async function freeName(vault: BundleVault, name: string): Promise<string> {
  const taken = new Set((await vault.list()).map((machine) => machine.name));
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} (${number})`;
    if (!taken.has(candidate)) return candidate;
  }
}
