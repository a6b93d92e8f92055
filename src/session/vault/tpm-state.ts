/** The state of a TPM as a description and its blobs, which is how it is stored and exported; and back. */
import type { StateBlob } from "../../backend/port.ts";
import { BLOB_NAMES, type BlobName } from "../../protocol/swtpm/commands.ts";
import { sha256Hex } from "./digest.ts";
import { VaultDamagedError } from "./errors.ts";
import { readFormat, TPM_FORMAT, type TPM_IN_FILE, type TpmDescription } from "./format.ts";
import type { TpmSave } from "./types.ts";

export interface PackedTpm {
  description: TpmDescription;
  bytes: Record<BlobName, Uint8Array>;
}

export async function packTpm({ state, version, description, time }: TpmSave): Promise<PackedTpm> {
  const digests = await Promise.all(BLOB_NAMES.map((name) => sha256Hex(state[name].bytes)));
  const describe = (name: BlobName, index: number) => {
    const { bytes, flags } = state[name];
    return [name, { size: bytes.length, sha256: digests[index] as string, flags }];
  };
  return {
    description: { version, description, time, blobs: Object.fromEntries(BLOB_NAMES.map(describe)) },
    bytes: {
      permanent: state.permanent.bytes,
      volatile: state.volatile.bytes,
      savestate: state.savestate.bytes,
    },
  };
}

/**
 * @param stored the description with its format.
 * @param what the TPM for people, e.g. `the TPM of the machine "PC"`.
 * @throws {VaultDamagedError} {VaultNewerError}
 */
export async function unpackTpm(
  stored: unknown,
  bytes: Partial<Record<BlobName, Uint8Array>>,
  what: string,
  format: typeof TPM_FORMAT | typeof TPM_IN_FILE = TPM_FORMAT,
): Promise<TpmSave> {
  const { version, description, time, blobs } = readFormat(format, stored, what);
  const read = async (name: BlobName): Promise<StateBlob> => {
    const blob = bytes[name];
    const { size, sha256, flags } = blobs[name];
    if (blob instanceof Uint8Array && blob.length === size && (await sha256Hex(blob)) === sha256) {
      return { bytes: blob, flags };
    }
    throw new VaultDamagedError(what, `its ${name} state does not have the SHA-256 that it was stored with`);
  };
  const [permanent, volatile, savestate] = await Promise.all(BLOB_NAMES.map(read));
  const state = { permanent, volatile, savestate } as TpmSave["state"];
  return { state, version, description, time };
}

export function tpmSizeOf({ blobs }: TpmDescription): number {
  return BLOB_NAMES.reduce((sum, name) => sum + blobs[name].size, 0);
}
