/** Whether there is room, before something large is written. */
import { VaultFullError } from "./errors.ts";

/**
 * Refuses what cannot fit before any of it is written. Chromium goes on counting what it had to roll back, and then
 * has no room for the few kB of a TPM's state either.
 * @param size bytes
 * @param what begins the message, e.g. "the snapshot was not saved"
 * @throws {VaultFullError}
 */
export async function mustFit(size: number, what: string): Promise<void> {
  const storage: StorageManager | undefined = globalThis.navigator?.storage;
  const { usage = 0, quota } = (await storage?.estimate()) ?? {};
  if (quota !== undefined && size > quota - usage) throw new VaultFullError(what);
}
