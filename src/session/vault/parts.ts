/**
 * A snapshot as named byte strings, which is how it is stored and exported; and back. The big one, the emulator's
 * state, is mostly zeros and is compressed.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { StateBlob } from "../../backend/port.ts";
import type { DeviceSnapshot } from "../../device/frontend/port.ts";
import { interfaceOfSnapshot, type RegisterInterface } from "../../device/interfaces/interfaces.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { own } from "../../protocol/bytes/own.ts";
import { BLOB_NAMES, type BlobName } from "../../protocol/swtpm/commands.ts";
import { BUNDLE, beyond } from "../reading/limits.ts";
import { quoted } from "../reading/numbers.ts";
import { sha256Hex } from "./digest.ts";
import { VaultDamagedError } from "./errors.ts";
import type { PartDescription, SnapshotDescription } from "./format.ts";
import { gunzip, gunzipped, gzip } from "./gzip.ts";
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
  const { format } = snapshot.tpm.device;
  const registers = interfaceOfSnapshot(format);
  if (!registers)
    throw new RangeError(`a machine whose TPM has other registers (${format}) cannot be kept here`);
  const { tpm, eventLog, ppi, emulator, name, time, reason, description, clock, settings } = snapshot;
  const contents: [PartName, Uint8Array][] = [
    ["device", deviceBytes(tpm.device, registers)],
    ...BLOB_NAMES.map((blob): [PartName, Uint8Array] => [blob, tpm.tpm[blob].bytes]),
    ["eventlog", eventLog],
    ["ppi", ppi],
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
    ppi: contents.get("ppi") ?? new Uint8Array(0),
    emulator: bytes("emulator"),
  };
}

/** Snapshots from before there was such a part do without it. */
const MAY_LACK: ReadonlySet<PartName> = new Set(["ppi"]);

/** What a part may unpack to, in bytes. */
const MOST: Record<PartName, number> = {
  device: BUNDLE.device,
  permanent: BUNDLE.blob,
  volatile: BUNDLE.blob,
  savestate: BUNDLE.blob,
  eventlog: BUNDLE.eventLog,
  ppi: BUNDLE.ppi,
  emulator: BUNDLE.emulator,
};

/**
 * Compares a snapshot from elsewhere with its description, and leaves it packed: of the emulator's state no more than a
 * piece is in memory at a time.
 * @throws {VaultDamagedError} when a part is missing, is too large or is not what the description says.
 */
export async function checkSnapshot(
  description: SnapshotDescription,
  stored: (part: PartName) => Uint8Array | undefined,
  progress: Progress,
): Promise<Part[]> {
  const what = `the snapshot "${quoted(description.name)}"`;
  const listed = new Map(description.parts.map((part) => [part.name, part]));
  const parts: Part[] = [];
  for (const name of Object.keys(MOST) as PartName[]) {
    const part = listed.get(name);
    if (!part && MAY_LACK.has(name)) continue;
    if (!part) throw new VaultDamagedError(what, `its part "${name}" is not listed`);
    if (part.size > MOST[name])
      throw new VaultDamagedError(what, `of its part "${name}" ${beyond(MOST[name], "bytes")}`);
    const bytes = stored(name);
    if (part.compression === "gzip") await checkPacked(part, bytes, what, progress);
    else {
      const unpacked = await unpackPart(part, bytes, what, progress);
      if (name === "device") readDevice(unpacked, what);
    }
    if (bytes) parts.push({ ...part, stored: bytes });
  }
  return parts;
}

async function checkPacked(
  part: PartDescription,
  stored: Uint8Array | undefined,
  what: string,
  progress: Progress,
): Promise<void> {
  const { name, size, sha256: expected } = part;
  if (name === "device") throw new VaultDamagedError(what, 'its part "device" is not stored as it is');
  const hash = sha256.create();
  let length = 0;
  try {
    for await (const chunk of gunzipped(present(part, stored, what), size)) {
      hash.update(chunk);
      length += chunk.length;
      progress("checking", length, size);
    }
  } catch (cause) {
    throw new VaultDamagedError(what, `its part "${name}" cannot be decompressed`, { cause });
  }
  if (length !== size || toHex(hash.digest()) !== expected) throw otherDigest(name, what);
}

function present(
  { name, storedSize }: PartDescription,
  stored: Uint8Array | undefined,
  what: string,
): Uint8Array {
  if (!stored) throw new VaultDamagedError(what, `its part "${name}" is missing`);
  if (stored.length === storedSize) return stored;
  throw new VaultDamagedError(what, `its part "${name}" has ${stored.length} bytes instead of ${storedSize}`);
}

const otherDigest = (name: PartName, what: string) =>
  new VaultDamagedError(what, `its part "${name}" does not have the SHA-256 that it was stored with`);

async function unpackPart(
  part: PartDescription,
  stored: Uint8Array | undefined,
  what: string,
  progress: Progress,
): Promise<Uint8Array> {
  const { name, size, sha256, compression } = part;
  const there = present(part, stored, what);
  const bytes = compression === "gzip" ? await decompress(there, part, what, progress) : there;
  if (bytes.length !== size || (await sha256Hex(bytes)) !== sha256) throw otherDigest(name, what);
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

/** The device's state as JSON, its bytes in hex: small, and readable without this code. Its `format` says which interface. */
function deviceBytes(device: DeviceSnapshot, { snapshot }: RegisterInterface): Uint8Array {
  const hex = (name: string, value: unknown) =>
    snapshot.bytes.includes(name) ? toHex(value as Uint8Array) : value;
  const fields = Object.entries(device).map(([name, value]) => [name, hex(name, value)]);
  return new TextEncoder().encode(JSON.stringify(Object.fromEntries(fields), null, 2));
}

function readDevice(bytes: Uint8Array, what: string): DeviceSnapshot {
  try {
    const fields = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const registers = interfaceOfSnapshot(String(fields.format));
    if (!registers) throw new RangeError("it is of a register interface that this page does not know");
    const packed = registers.snapshot.bytes.map((name) => [name, fromHex(String(own(fields, name)))]);
    const device = { ...fields, ...Object.fromEntries(packed) };
    registers.snapshot.check(device);
    return device as unknown as DeviceSnapshot;
  } catch (cause) {
    throw new VaultDamagedError(what, `its device cannot be read: ${(cause as Error).message}`, { cause });
  }
}
