/** The content of a machine's flash as a description and its bytes, which is how it is stored and exported; and back. */
import { sha256Hex } from "./digest.ts";
import { VaultDamagedError } from "./errors.ts";
import { FLASH_FORMAT, type FLASH_IN_FILE, type FlashDescription, readFormat } from "./format.ts";
import type { FlashSave } from "./types.ts";

export interface PackedFlash {
  description: FlashDescription;
  bytes: Uint8Array;
}

export async function packFlash({ bytes, time }: FlashSave): Promise<PackedFlash> {
  return { description: { size: bytes.length, sha256: await sha256Hex(bytes), time }, bytes };
}

/**
 * @param stored the description with its format.
 * @param what the flash for people, e.g. `the UEFI variables of the machine "PC"`.
 * @throws {VaultDamagedError} {VaultNewerError}
 */
export async function unpackFlash(
  stored: unknown,
  bytes: unknown,
  what: string,
  format: typeof FLASH_FORMAT | typeof FLASH_IN_FILE = FLASH_FORMAT,
): Promise<FlashSave> {
  const { size, sha256, time } = readFormat(format, stored, what);
  if (bytes instanceof Uint8Array && bytes.length === size && (await sha256Hex(bytes)) === sha256)
    return { bytes, time };
  throw new VaultDamagedError(what, "they do not have the SHA-256 that they were stored with");
}
