/**
 * A snapshot as named byte strings, which is how it is stored and exported; and back. The big one, the emulator's
 * state, is mostly zeros and is compressed.
 */
import type { StateBlob } from "../backend/port.ts";
import { fromHex, toHex } from "../bytes/hex.ts";
import { BLOB_NAMES, type BlobName } from "../swtpm/commands.ts";
import { readSnapshot, type TisSnapshot } from "../tis/snapshot.ts";
import { sha256Hex } from "./digest.ts";
import { VaultDamagedError } from "./errors.ts";
import type { PartDescription, SnapshotDescription } from "./format.ts";
import { gunzip, gzip } from "./gzip.ts";
import type { MachineSnapshot, NewSnapshot, PartName, Progress } from "./types.ts";

/** One part as it is stored. */
export interface Part extends PartDescription {
  stored: Uint8Array;
}

/** Describes and compresses all parts of a snapshot. */
export async function packSnapshot(
  snapshot: NewSnapshot,
  ids: { id: string; machineId: string },
  progress: Progress = () => undefined,
): Promise<{ description: SnapshotDescription; parts: Part[] }> {
  const { tpm, eventLog, emulator, name, time, reason, description, clock, settings } = snapshot;
  const contents: [PartName, Uint8Array][] = [
    ["device", deviceBytes(tpm.device)],
    ...BLOB_NAMES.map((blob): [PartName, Uint8Array] => [blob, tpm.tpm[blob].bytes]),
    ["eventlog", eventLog],
    ["emulator", emulator],
  ];
  const parts: Part[] = [];
  for (const [part, bytes] of contents) parts.push(await packPart(part, bytes, progress));
  const flags = (blob: BlobName) => tpm.tpm[blob].flags;
  const { tpmVersion } = tpm.device;
  if (tpmVersion === "unspecified")
    throw new RangeError("a TPM that has failed cannot be kept in a snapshot");
  return {
    parts,
    description: {
      ...ids,
      name,
      time,
      reason,
      tpmVersion,
      description,
      clock,
      settings,
      flags: { permanent: flags("permanent"), volatile: flags("volatile"), savestate: flags("savestate") },
      parts: parts.map(({ stored: _, ...part }) => part),
      storedSize: parts.reduce((sum, { storedSize }) => sum + storedSize, 0),
    },
  };
}

async function packPart(name: PartName, bytes: Uint8Array, progress: Progress): Promise<Part> {
  const compression = name === "emulator" ? "gzip" : "none";
  const sha256 = await sha256Hex(bytes);
  const done = (count: number) => progress("compressing", count, bytes.length);
  const stored = compression === "gzip" ? await gzip(bytes, done) : bytes;
  return { name, size: bytes.length, sha256, storedSize: stored.length, compression, stored };
}

/**
 * The snapshot that a description and its stored parts make.
 * @param read gives a part as it is stored, or undefined when it is not there.
 * @throws {VaultDamagedError} when a part is missing or is not what was stored.
 */
export async function unpackSnapshot(
  description: SnapshotDescription,
  read: (part: PartDescription) => Uint8Array | undefined | PromiseLike<Uint8Array | undefined>,
  progress: Progress = () => undefined,
): Promise<MachineSnapshot> {
  const what = `the snapshot "${description.name}"`;
  const contents = new Map<PartName, Uint8Array>();
  for (const part of description.parts) {
    contents.set(part.name, await unpackPart(part, await read(part), what, progress));
  }
  const bytes = (part: PartName): Uint8Array => {
    const found = contents.get(part);
    if (!found) throw new VaultDamagedError(what, `its part "${part}" is not listed`);
    return found;
  };
  const blob = (name: BlobName): StateBlob => ({
    bytes: bytes(name),
    flags: description.flags[name],
  });
  const { id, name, time, reason, clock, settings } = description;
  return {
    id,
    name,
    time,
    reason,
    description: description.description,
    clock,
    settings,
    tpm: {
      device: readDevice(bytes("device"), what),
      tpm: { permanent: blob("permanent"), volatile: blob("volatile"), savestate: blob("savestate") },
    },
    eventLog: bytes("eventlog"),
    emulator: bytes("emulator"),
  };
}

async function unpackPart(
  part: PartDescription,
  stored: Uint8Array | undefined,
  what: string,
  progress: Progress,
): Promise<Uint8Array> {
  const { name, size, sha256, storedSize, compression } = part;
  if (!stored) throw new VaultDamagedError(what, `its part "${name}" is missing`);
  if (stored.length !== storedSize) {
    throw new VaultDamagedError(
      what,
      `its part "${name}" has ${stored.length} bytes instead of ${storedSize}`,
    );
  }
  const bytes = compression === "gzip" ? await decompress(stored, part, what, progress) : stored;
  if (bytes.length !== size || (await sha256Hex(bytes)) !== sha256) {
    throw new VaultDamagedError(what, `its part "${name}" does not have the SHA-256 that it was stored with`);
  }
  return bytes;
}

async function decompress(
  stored: Uint8Array,
  { name, size }: PartDescription,
  what: string,
  progress: Progress,
): Promise<Uint8Array> {
  try {
    return await gunzip(stored, size, (done) => progress("decompressing", done, size));
  } catch (cause) {
    throw new VaultDamagedError(what, `its part "${name}" cannot be decompressed`, { cause });
  }
}

/** The device's state as JSON, its FIFO in hex: small, and readable without this code. */
function deviceBytes(device: TisSnapshot): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...device, fifo: toHex(device.fifo) }, null, 2));
}

function readDevice(bytes: Uint8Array, what: string): TisSnapshot {
  try {
    const fields = JSON.parse(new TextDecoder().decode(bytes)) as TisSnapshot & { fifo: string };
    const device = { ...fields, fifo: fromHex(fields.fifo) };
    readSnapshot(device);
    return device;
  } catch (cause) {
    throw new VaultDamagedError(what, `its device cannot be read: ${(cause as Error).message}`, { cause });
  }
}
