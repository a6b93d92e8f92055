/**
 * swtpm's state files beside the blobs of CMD_GET_STATEBLOB. Both are a header and tagged data; a blob wraps, in one
 * tag more, what the file of the same state holds right after its header. Source: measured with swtpm 0.7.1 in both
 * directions; swtpm, src/swtpm/swtpm_nvstore.c (names, layout) and include/swtpm/tpm_ioctl.h.
 *
 * Header, 10 bytes: u8 version, u8 lowest version that reads it, u16 header size, u16 flags, u32 whole size.
 * Tagged data: u16 tag, u32 size, data.
 */
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { BLOB_NAMES, type BlobName } from "./commands.ts";

const VERSION = 2;
const MIN_VERSION = 1;
const HEADER_SIZE = 10;
const TAG_HEADER_SIZE = 6;

/** Header flags. Encrypted data needs the key that swtpm was started with (`--key`, `--migration-key`). */
const FLAG = { FILE_ENCRYPTED: 1, MIGRATION_ENCRYPTED: 2, MIGRATION_DATA: 4 } as const;
const TAG = { DATA: 1, MIGRATION_DATA: 4 } as const;

/** Something is not the state of a swtpm, or not in a form that can be used here. */
export class StateFileError extends Error {
  override name = "StateFileError";
}

/** The name of a state's file in swtpm's directory, by TPM version. */
export function stateFileName(version: "2.0" | "1.2", blob: BlobName): string {
  const kind = { permanent: "permall", volatile: "volatilestate", savestate: "savestate" }[blob];
  return `${version === "2.0" ? "tpm2-00" : "tpm-00"}.${kind}`;
}

/** The other way; undefined for what is none of swtpm's names. */
export function parseStateFileName(name: string): { version: "2.0" | "1.2"; blob: BlobName } | undefined {
  for (const version of ["2.0", "1.2"] as const) {
    for (const blob of BLOB_NAMES) if (stateFileName(version, blob) === name) return { version, blob };
  }
  return undefined;
}

/**
 * The file that swtpm would have written for what it gave as a blob.
 * @throws {StateFileError} for an encrypted blob, and for what is none.
 */
export function blobToFile(blob: Uint8Array): Uint8Array {
  const { flags, data } = open(blob, "blob");
  if (flags & FLAG.MIGRATION_ENCRYPTED) throw encrypted("--migration-key");
  if (flags & FLAG.FILE_ENCRYPTED) throw encrypted("--key");
  if (!(flags & FLAG.MIGRATION_DATA))
    throw new StateFileError("this is no state blob of swtpm: its flags say it is a file");
  return close(0, tagged(data, TAG.MIGRATION_DATA));
}

/**
 * The blob that CMD_SET_STATEBLOB takes for a state file.
 * @throws {StateFileError} for an encrypted file, and for what is none.
 */
export function fileToBlob(file: Uint8Array): Uint8Array {
  const { flags, data } = open(file, "state file");
  if (flags & FLAG.FILE_ENCRYPTED) throw encrypted("--key");
  if (flags & ~FLAG.FILE_ENCRYPTED) {
    throw new StateFileError(`this is no state file of swtpm: its flags are 0x${flags.toString(16)}`);
  }
  tagged(data, TAG.DATA);
  const blob = new ByteWriter();
  blob.u16be(TAG.MIGRATION_DATA).u32be(data.length).bytes(data);
  return close(FLAG.MIGRATION_DATA, blob.finish());
}

function open(bytes: Uint8Array, what: string): { flags: number; data: Uint8Array } {
  const no = (why: string) => new StateFileError(`this is no ${what} of swtpm: ${why}`);
  if (bytes.length < HEADER_SIZE + TAG_HEADER_SIZE) throw no(`it has ${bytes.length} bytes only`);
  const reader = new ByteReader(bytes);
  reader.u8();
  const lowest = reader.u8();
  const headerSize = reader.u16be();
  const flags = reader.u16be();
  const size = reader.u32be();
  if (lowest < 1 || lowest > VERSION || headerSize < HEADER_SIZE || headerSize > bytes.length) {
    throw no("its header is of a format that is not known here");
  }
  if (size !== bytes.length) throw no(`it has ${bytes.length} bytes, and its header says ${size}`);
  return { flags, data: bytes.subarray(headerSize) };
}

/** The data of the one tag that `bytes` consist of. */
function tagged(bytes: Uint8Array, tag: number): Uint8Array {
  const reader = new ByteReader(bytes);
  const found = reader.u16be();
  const size = reader.u32be();
  if (found !== tag || size !== bytes.length - TAG_HEADER_SIZE) {
    throw new StateFileError("this is no state of swtpm: its data are not what its header announces");
  }
  return bytes.subarray(TAG_HEADER_SIZE);
}

function close(flags: number, data: Uint8Array): Uint8Array {
  const file = new ByteWriter();
  file
    .u8(VERSION)
    .u8(MIN_VERSION)
    .u16be(HEADER_SIZE)
    .u16be(flags)
    .u32be(HEADER_SIZE + data.length)
    .bytes(data);
  return file.finish();
}

function encrypted(option: string): StateFileError {
  return new StateFileError(
    `this state is encrypted with the key of a swtpm that was started with ${option}, which cannot be used here. Start swtpm without it to get the state out`,
  );
}
