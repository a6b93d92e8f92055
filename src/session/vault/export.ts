/** A machine as one zip file, for ordinary tools too; behind a passphrase if one is given. */
import { Zip, ZipPassThrough } from "fflate";
import { BLOB_NAMES, type BlobName } from "../../protocol/swtpm/commands.ts";
import { blobToFile, StateFileError, stateFileName } from "../../protocol/swtpm/state-file.ts";
import type { BundleVault, MachineBundle } from "./bundle.ts";
import { sha256Hex } from "./digest.ts";
import { FLASH_FORMAT, SNAPSHOT_FORMAT, TPM_FORMAT, writeFormat } from "./format.ts";
import { EXPORT_FORMAT, MANIFEST, partPath, README, README_TEXT, VARIABLES } from "./manifest.ts";
import { seal } from "./sealed.ts";
import type { ReadableSnapshot } from "./snapshots.ts";
import type { MachineRecord, Progress } from "./types.ts";

export interface ExportOptions {
  passphrase?: string;
  progress?: Progress;
}

export interface ExportedMachine {
  name: string;
  blob: Blob;
}

/** What the file of a TPM that is switched off has, and that of a running one. */
const SWITCHED_OFF: readonly BlobName[] = ["permanent", "savestate"];

export async function exportMachine(
  vault: BundleVault,
  id: string,
  { passphrase, progress = () => undefined }: ExportOptions = {},
): Promise<ExportedMachine> {
  const bundle = await vault.bundle(id);
  const { machine } = bundle;
  const archive = new Archive(machine.changed);
  const total = machine.tpmSize + machine.snapshotSize;
  await fill(archive, bundle, (done) => progress("reading", done, total));
  const zip = archive.end();
  const name = `${machine.name.replace(/[^\p{L}\p{N}._-]+/gu, "_")}.webtpm`;
  if (passphrase === undefined)
    return { name: `${name}.zip`, blob: new Blob(zip, { type: "application/zip" }) };
  return { name: `${name}.sealed`, blob: await seal(new Blob(zip), passphrase, progress) };
}

async function fill(archive: Archive, bundle: MachineBundle, done: (bytes: number) => void): Promise<void> {
  const { machine, tpm, flash, snapshots } = bundle;
  const { name, tpmVersion, created, changed, settings } = machine;
  archive.add(README, new TextEncoder().encode(README_TEXT));
  if (tpm) {
    for (const blob of BLOB_NAMES) await archive.addDigested(partPath("tpm", blob), tpm.bytes[blob]);
    await addStateFiles(archive, "swtpm", tpmVersion, SWITCHED_OFF, (blob) => tpm.bytes[blob]);
  }
  if (flash) await archive.addDigested(VARIABLES, flash.bytes);
  const listed = [];
  for (const [index, snapshot] of snapshots.entries()) {
    const folder = `snapshots/${index + 1}`;
    await addSnapshot(archive, folder, snapshot);
    listed.push({ folder, snapshot: writeFormat(SNAPSHOT_FORMAT, snapshot.description) });
    done(archive.size);
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
}

async function addSnapshot(
  archive: Archive,
  folder: string,
  { description, read }: ReadableSnapshot,
): Promise<void> {
  const blobs = new Map<string, Uint8Array>();
  for (const part of description.parts) {
    const bytes = (await read(part)) ?? new Uint8Array(0);
    await archive.addDigested(partPath(folder, part.name), bytes);
    if (part.name !== "emulator") blobs.set(part.name, bytes);
  }
  const blobOf = (blob: BlobName) => blobs.get(blob) ?? new Uint8Array(0);
  await addStateFiles(archive, `${folder}/swtpm`, description.tpmVersion, BLOB_NAMES, blobOf);
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

  constructor(time: number) {
    this.#time = time;
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
