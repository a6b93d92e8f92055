/** A machine as one zip file, for ordinary tools too; behind a passphrase if one is given. */
import { Zip, ZipPassThrough } from "fflate";
import { BLOB_NAMES, type BlobName } from "../../protocol/swtpm/commands.ts";
import { blobToFile, StateFileError, stateFileName } from "../../protocol/swtpm/state-file.ts";
import { BUNDLE } from "../reading/limits.ts";
import type { BundleVault, MachineBundle } from "./bundle.ts";
import { sha256Hex } from "./digest.ts";
import { VaultDamagedError } from "./errors.ts";
import { FLASH_FORMAT, SNAPSHOT_FORMAT, TPM_FORMAT, writeFormat } from "./format.ts";
import { EXPORT_FORMAT, MANIFEST, partPath, README, README_TEXT, VARIABLES } from "./manifest.ts";
import { checkSnapshot, type Part } from "./parts.ts";
import { seal } from "./sealed.ts";
import type { ReadableSnapshot } from "./snapshots.ts";
import type { MachineRecord, PartName, Progress } from "./types.ts";

export interface ExportOptions {
  passphrase?: string;
  progress?: Progress;
}

export interface ExportedMachine {
  name: string;
  blob: Blob;
  /** Snapshots that are damaged, and so not in the file: what is wrong with each, in words. */
  leftOut: readonly string[];
}

/** The machine has more than a file of it can be read back with. */
export class ExportTooLargeError extends Error {
  override name = "ExportTooLargeError";
  constructor() {
    super(
      `the file would have more than ${BUNDLE.contents / 2 ** 30} GiB, which no page reads again: delete snapshots first, or copy the machine and delete them there`,
    );
  }
}

/** The years that a zip file's directory can say (APPNOTE.TXT, 4.4.6), with a day on either side for the time zone. */
const ZIP_TIMES = { first: Date.UTC(1980, 0, 2), last: Date.UTC(2099, 11, 30) };

/** What the file of a TPM that is switched off has, and that of a running one. */
const SWITCHED_OFF: readonly BlobName[] = ["permanent", "savestate"];

/**
 * All of a machine, so that {@link importMachine} takes it; a snapshot that it would not take is left out.
 * @throws {ExportTooLargeError} {VaultMissingError}
 */
export async function exportMachine(
  vault: BundleVault,
  id: string,
  { passphrase, progress = () => undefined }: ExportOptions = {},
): Promise<ExportedMachine> {
  const bundle = await vault.bundle(id);
  const { machine } = bundle;
  const archive = new Archive(machine.changed);
  const leftOut = await fill(archive, bundle, progress);
  const zip = archive.end();
  const name = `${machine.name.replace(/[^\p{L}\p{N}._-]+/gu, "_")}.webtpm`;
  if (passphrase === undefined)
    return { name: `${name}.zip`, blob: new Blob(zip, { type: "application/zip" }), leftOut };
  return { name: `${name}.sealed`, blob: await seal(new Blob(zip), passphrase, progress), leftOut };
}

/** @returns what was left out. */
async function fill(archive: Archive, bundle: MachineBundle, progress: Progress): Promise<string[]> {
  const { machine, tpm, flash, snapshots, unreadable } = bundle;
  const { name, tpmVersion, created, changed, settings } = machine;
  archive.add(README, new TextEncoder().encode(README_TEXT));
  if (tpm) {
    for (const blob of BLOB_NAMES) await archive.addDigested(partPath("tpm", blob), tpm.bytes[blob]);
    await addStateFiles(archive, "swtpm", tpmVersion, SWITCHED_OFF, (blob) => tpm.bytes[blob]);
  }
  if (flash) await archive.addDigested(VARIABLES, flash.bytes);
  const total = machine.tpmSize + machine.snapshotSize;
  const leftOut = unreadable.map(({ message }) => message);
  const listed: { folder: string; snapshot: unknown }[] = [];
  for (const snapshot of snapshots) {
    const { description } = snapshot;
    try {
      const parts = await checkedParts(snapshot, progress);
      const folder = `snapshots/${listed.length + 1}`;
      await addSnapshot(archive, folder, description.tpmVersion, parts);
      listed.push({ folder, snapshot: writeFormat(SNAPSHOT_FORMAT, description) });
    } catch (error) {
      // One that is damaged would keep the whole file from being read, the TPM's state with it.
      if (!(error instanceof VaultDamagedError)) throw error;
      leftOut.push(error.message);
    }
    if (archive.size > BUNDLE.contents) throw new ExportTooLargeError();
    progress("reading", archive.size, total);
  }
  const manifest = {
    time: Date.now(),
    machine: { name, tpmVersion, created, changed, settings },
    tpm: tpm ? writeFormat(TPM_FORMAT, tpm.description) : null,
    flash: flash ? writeFormat(FLASH_FORMAT, flash.description) : null,
    snapshots: listed,
    files: archive.files,
  };
  archive.add(
    MANIFEST,
    new TextEncoder().encode(JSON.stringify(writeFormat(EXPORT_FORMAT, manifest), null, 2)),
  );
  return leftOut;
}

/** @throws {VaultDamagedError} when they are not what the description says, as an import would. */
async function checkedParts({ description, read }: ReadableSnapshot, progress: Progress): Promise<Part[]> {
  const stored = new Map<PartName, Uint8Array>();
  for (const part of description.parts) {
    const bytes = await read(part);
    if (bytes) stored.set(part.name, bytes);
  }
  return checkSnapshot(description, (name) => stored.get(name), progress);
}

async function addSnapshot(
  archive: Archive,
  folder: string,
  version: MachineRecord["tpmVersion"],
  parts: readonly Part[],
): Promise<void> {
  for (const { name, stored } of parts) await archive.addDigested(partPath(folder, name), stored);
  const blobOf = (blob: BlobName) => parts.find(({ name }) => name === blob)?.stored ?? new Uint8Array(0);
  await addStateFiles(archive, `${folder}/swtpm`, version, BLOB_NAMES, blobOf);
}

/** The blobs once more, as swtpm's own files; or in words why not, e.g. because they are encrypted. */
async function addStateFiles(
  archive: Archive,
  folder: string,
  version: MachineRecord["tpmVersion"],
  names: readonly BlobName[],
  bytes: (blob: BlobName) => Uint8Array,
): Promise<void> {
  const present = names.filter((name) => bytes(name).length);
  try {
    const files = present.map((name) => [stateFileName(version, name), blobToFile(bytes(name))] as const);
    for (const [name, file] of files) await archive.addDigested(`${folder}/${name}`, file);
  } catch (error) {
    if (!(error instanceof StateFileError)) throw error;
    const text = `swtpm's own files cannot be made of this state: ${error.message}\n`;
    await archive.addDigested(`${folder}/why-not.txt`, new TextEncoder().encode(text));
  }
}

/** A zip that grows as parts of a `Blob`. What is in it is small, random or compressed: it is stored as it is. */
class Archive {
  readonly files: { path: string; size: number; sha256: string }[] = [];
  size = 0;
  readonly #chunks: Uint8Array<ArrayBuffer>[] = [];
  readonly #time: number;
  readonly #zip = new Zip((error, chunk) => {
    if (error) throw error;
    this.size += chunk.length;
    this.#chunks.push(chunk as Uint8Array<ArrayBuffer>);
  });

  /** @param time of its files, in milliseconds since 1970; the nearest one that a zip file can say. */
  constructor(time: number) {
    this.#time = Math.min(Math.max(time, ZIP_TIMES.first), ZIP_TIMES.last);
  }

  add(path: string, bytes: Uint8Array): void {
    const file = new ZipPassThrough(path);
    file.mtime = this.#time;
    this.#zip.add(file);
    file.push(bytes, true);
  }

  /** Adds a file that the manifest lists. */
  async addDigested(path: string, bytes: Uint8Array): Promise<void> {
    this.files.push({ path, size: bytes.length, sha256: await sha256Hex(bytes) });
    this.add(path, bytes);
  }

  end(): Uint8Array<ArrayBuffer>[] {
    this.#zip.end();
    return this.#chunks;
  }
}
