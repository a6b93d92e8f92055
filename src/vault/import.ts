/** A machine from a file: an export, behind a passphrase or not, or a state file of swtpm. */
import { unzipSync } from "fflate";
import { BLOB_NAMES } from "../swtpm/commands.ts";
import { fileToBlob, parseStateFileName, StateFileError } from "../swtpm/state-file.ts";
import type { BundleVault, MachineBundle } from "./bundle.ts";
import { sha256Hex } from "./digest.ts";
import { ImportError } from "./errors.ts";
import { readFormat } from "./format.ts";
import { EXPORT_FORMAT, type ExportManifest, MANIFEST, partPath } from "./manifest.ts";
import { isSealed, unseal } from "./sealed.ts";
import { type ReadableSnapshot, readDescription } from "./snapshots.ts";
import { packTpm, unpackTpm } from "./tpm-state.ts";
import type { MachineRecord, Progress } from "./types.ts";

export interface ImportOptions {
  /** The machine's name here; without it the one it had, with a number when that is taken. */
  name?: string;
  passphrase?: string;
  progress?: Progress;
}

type Files = Readonly<Record<string, Uint8Array>>;

const ZIP_MAGIC = 0x504b;
/** Where the data of a TPM 2.0 begin with a magic number of libtpms (PERSISTENT_ALL_MAGIC), and that number. */
const STATE_MAGIC_OFFSET = 18;
const TPM2_STATE_MAGIC = 0xab364723;

/**
 * Makes a machine of what `file` holds: all of it, or, when anything is wrong with it, nothing.
 * @throws {ImportError} {PassphraseError} {VaultDamagedError} {VaultNewerError} {VaultFullError} {MachineNameError}
 */
export async function importMachine(
  vault: BundleVault,
  file: Blob & { name?: string },
  { name, passphrase, progress = () => undefined }: ImportOptions = {},
): Promise<MachineRecord> {
  progress("reading", 0, file.size);
  let bytes = new Uint8Array(await file.arrayBuffer());
  if (isSealed(bytes)) bytes = (await unseal(bytes, passphrase, progress)) as Uint8Array<ArrayBuffer>;
  const zipped = bytes.length >= 2 && new DataView(bytes.buffer).getUint16(0) === ZIP_MAGIC;
  const bundle = zipped ? await readExport(bytes, progress) : await readStateFile(bytes, file.name ?? "");
  progress("saving", 0, 1);
  const machine = await vault.putBundle(bundle, name ?? (await freeName(vault, bundle.machine.name)));
  progress("saving", 1, 1);
  return machine;
}

async function freeName(vault: BundleVault, name: string): Promise<string> {
  const taken = new Set((await vault.list()).map((machine) => machine.name));
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name} (${number})`;
    if (!taken.has(candidate)) return candidate;
  }
}

async function readExport(bytes: Uint8Array, progress: Progress): Promise<MachineBundle> {
  const files = unzip(bytes);
  const manifest = readManifest(files);
  for (const [index, { path, size, sha256 }] of manifest.files.entries()) {
    const content = files[path];
    if (!content) throw new ImportError(`this export is not whole: ${path} is missing`);
    if (content.length !== size || (await sha256Hex(content)) !== sha256) {
      throw new ImportError(
        `this export is damaged: ${path} does not have the SHA-256 that its manifest says`,
      );
    }
    progress("checking", index + 1, manifest.files.length);
  }
  const { machine, tpm, snapshots } = manifest;
  const blobs = Object.fromEntries(
    BLOB_NAMES.flatMap((blob) => {
      const content = files[partPath("tpm", blob)];
      return content ? [[blob, content]] : [];
    }),
  );
  return {
    machine: { ...machine, id: "", tpmSize: 0, snapshotSize: 0 },
    ...(tpm && { tpm: await packTpm(await unpackTpm(tpm, blobs, "the TPM in this export")) }),
    snapshots: snapshots.map(
      ({ folder, snapshot }): ReadableSnapshot => ({
        description: readDescription(snapshot),
        read: async ({ name }) => files[partPath(folder, name)],
      }),
    ),
  };
}

function unzip(bytes: Uint8Array): Files {
  try {
    return unzipSync(bytes);
  } catch (cause) {
    throw new ImportError(
      "this zip file cannot be read: it is cut off or damaged. Get the whole file, or export the machine again",
      { cause },
    );
  }
}

function readManifest(files: Files): ExportManifest {
  const manifest = files[MANIFEST];
  if (!manifest) throw new ImportError(`this zip file is no export of a machine: it has no ${MANIFEST}`);
  let fields: unknown;
  try {
    fields = JSON.parse(new TextDecoder().decode(manifest));
  } catch (cause) {
    throw new ImportError(`this export is damaged: its ${MANIFEST} is not JSON`, { cause });
  }
  return readFormat(EXPORT_FORMAT, fields, "this export");
}

async function readStateFile(bytes: Uint8Array, fileName: string): Promise<MachineBundle> {
  const known = parseStateFileName(fileName);
  if (known && known.blob !== "permanent") {
    throw new ImportError(
      `${fileName} alone is no TPM: import the file whose name ends with "permall", which has its keys and NV memory`,
    );
  }
  const permanent = { bytes: toBlob(bytes), flags: 0 };
  const none = { bytes: new Uint8Array(0), flags: 0 };
  const version = stateVersion(bytes);
  const time = Date.now();
  const state = { permanent, volatile: none, savestate: none };
  const tpm = await packTpm({ state, version, description: "swtpm's state file", time });
  const name = `TPM ${version} of swtpm`;
  const machine = {
    id: "",
    name,
    tpmVersion: version,
    created: time,
    changed: time,
    tpmSize: 0,
    snapshotSize: 0,
  };
  return { machine: { ...machine, settings: {} }, tpm, snapshots: [] };
}

function toBlob(bytes: Uint8Array): Uint8Array {
  try {
    return fileToBlob(bytes);
  } catch (cause) {
    if (!(cause instanceof StateFileError)) throw cause;
    throw new ImportError(`this file is neither an export of a machine nor swtpm's state: ${cause.message}`, {
      cause,
    });
  }
}

function stateVersion(file: Uint8Array): MachineRecord["tpmVersion"] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const found =
    file.length >= STATE_MAGIC_OFFSET + 4 && view.getUint32(STATE_MAGIC_OFFSET) === TPM2_STATE_MAGIC;
  return found ? "2.0" : "1.2";
}
