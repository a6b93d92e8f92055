/**
 * What a file has of a machine: an export, behind a passphrase or not, or a state file of swtpm. It may come from
 * anybody. Time and memory go with its size and with what its manifest names, which is bounded.
 */

import { BLOB_NAMES } from "../../protocol/swtpm/commands.ts";
import {
  fileToBlob,
  StateFileError,
  type StateKind,
  stateFileName,
  stateKind,
} from "../../protocol/swtpm/state-file.ts";
import { BUNDLE, beyond, STATE_FILE } from "../reading/limits.ts";
import type { ReadMachine } from "./bundle.ts";
import { sha256Hex } from "./digest.ts";
import { ImportError } from "./errors.ts";
import { packFlash, unpackFlash } from "./flash-state.ts";
import { FLASH_IN_FILE, readFormat, SNAPSHOT_IN_FILE, TPM_IN_FILE } from "./format.ts";
import { isSealed } from "./is-sealed.ts";
import { EXPORT_FORMAT, type ExportManifest, MANIFEST, partPath, VARIABLES } from "./manifest.ts";
import { checkSnapshot } from "./parts.ts";
import { unseal } from "./sealed.ts";
import { type PackedSnapshot, readDescription } from "./snapshots.ts";
import { packTpm, unpackTpm } from "./tpm-state.ts";
import type { Progress } from "./types.ts";
import { ZipFile } from "./zip.ts";

export interface ReadOptions {
  passphrase?: string;
  progress?: Progress;
}

const ZIP_MAGIC = "PK";

/** @throws {ImportError} {PassphraseError} {VaultDamagedError} {VaultNewerError} */
export async function readMachineFile(
  file: Blob,
  { passphrase, progress = () => undefined }: ReadOptions = {},
): Promise<ReadMachine> {
  progress("reading", 0, file.size);
  if (file.size > BUNDLE.file)
    throw new ImportError(`this file is not read: ${beyond(BUNDLE.file, "bytes")}`);
  let open = file;
  if (await isSealed(file)) open = await unseal(file, passphrase, progress);
  const zipped = (await open.slice(0, ZIP_MAGIC.length).text()) === ZIP_MAGIC;
  return zipped ? readExport(await ZipFile.open(open), progress) : readStateFile(open);
}

async function readExport(zip: ZipFile, progress: Progress): Promise<ReadMachine> {
  const { machine, tpm, flash, snapshots, files } = await readManifest(zip);
  const contents = await readContents(zip, files, progress);
  const blobs = Object.fromEntries(
    BLOB_NAMES.flatMap((blob) => {
      const content = contents.get(partPath("tpm", blob));
      return content ? [[blob, content]] : [];
    }),
  );
  const packed: PackedSnapshot[] = [];
  for (const { folder, snapshot } of snapshots) {
    const description = readDescription(snapshot, SNAPSHOT_IN_FILE);
    const stored = (part: Parameters<typeof partPath>[1]) => contents.get(partPath(folder, part));
    packed.push({ description, parts: await checkSnapshot(description, stored, progress) });
  }
  return {
    machine,
    ...(tpm && { tpm: await packTpm(await unpackTpm(tpm, blobs, "the TPM in this export", TPM_IN_FILE)) }),
    ...(flash && {
      flash: await packFlash(
        await unpackFlash(flash, contents.get(VARIABLES), "the UEFI variables in this export", FLASH_IN_FILE),
      ),
    }),
    snapshots: packed,
  };
}

async function readManifest(zip: ZipFile): Promise<ExportManifest> {
  if (!zip.has(MANIFEST))
    throw new ImportError(`this zip file is no export of a machine: it has no ${MANIFEST}`);
  const manifest = await zip.read(MANIFEST, BUNDLE.manifest);
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder().decode(manifest));
  } catch (cause) {
    throw new ImportError(`this export is damaged: its ${MANIFEST} is not JSON`, { cause });
  }
  return readFormat(EXPORT_FORMAT, fields, "this export");
}

/** The files that the manifest names, by path: these, and no others, are unpacked, to the size that it says. */
async function readContents(
  zip: ZipFile,
  files: ExportManifest["files"],
  progress: Progress,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const total = files.reduce((sum, { size }) => sum + size, 0);
  if (total > BUNDLE.contents)
    throw new ImportError(`this export is not read: unpacked, ${beyond(BUNDLE.contents, "bytes")}`);
  const contents = new Map<string, Uint8Array>();
  let before = 0;
  for (const { path, size, sha256 } of files) {
    if (contents.has(path)) throw new ImportError(`this export is damaged: its manifest names ${path} twice`);
    const content = await zip.read(path, size, (done) => progress("reading", before + done, total));
    if (content.length !== size || (await sha256Hex(content)) !== sha256) {
      throw new ImportError(
        `this export is damaged: ${path} does not have the SHA-256 that its manifest says`,
      );
    }
    contents.set(path, content);
    before += size;
    progress("checking", before, total);
  }
  return contents;
}

async function readStateFile(file: Blob): Promise<ReadMachine> {
  if (file.size > STATE_FILE.file)
    throw new ImportError(
      `this file is neither an export of a machine nor swtpm's state: ${beyond(STATE_FILE.file, "bytes")}`,
    );
  const { blob, kind } = stateIn(new Uint8Array(await file.arrayBuffer()));
  const { version, format } = kind;
  if (kind.blob !== "permanent") {
    throw new ImportError(
      `this is the ${kind.blob} state of a TPM ${version}, which swtpm names ${stateFileName(version, kind.blob)}; alone it is no TPM: import the file whose name ends with "permall", which has its keys and NV memory`,
    );
  }
  const none = { bytes: new Uint8Array(0), flags: 0 };
  const time = Date.now();
  const state = { permanent: { bytes: blob, flags: 0 }, volatile: none, savestate: none };
  const description = `swtpm's state file${format ? `, libtpms' format ${format.version}` : ""}`;
  const tpm = await packTpm({ state, version, description, time });
  const name = `TPM ${version} of swtpm`;
  return {
    machine: { name, tpmVersion: version, created: time, changed: time, settings: {} },
    tpm,
    snapshots: [],
  };
}

function stateIn(bytes: Uint8Array): { blob: Uint8Array; kind: StateKind } {
  try {
    const blob = fileToBlob(bytes);
    return { blob, kind: stateKind(blob) };
  } catch (cause) {
    if (!(cause instanceof StateFileError)) throw cause;
    throw new ImportError(`this file is neither an export of a machine nor swtpm's state: ${cause.message}`, {
      cause,
    });
  }
}
