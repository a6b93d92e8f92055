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
import type { BlobName } from "./commands.ts";

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

/** What a state is, as its first bytes say: its name may have changed on its way, e.g. in a browser's downloads. */
export interface StateKind {
  version: "2.0" | "1.2";
  blob: BlobName;
  /** libtpms' version of the format, which TPM 2.0 states name, and the lowest that may read it where that is named. */
  format?: { version: number; lowest?: number };
}

/** libtpms' formats of the states of a TPM 2.0 as swtpm 0.7.1 with libtpms 0.9.2 writes and reads them, with magic numbers. */
const STATES_2: readonly { blob: BlobName; magic: number; format: number }[] = [
  { blob: "permanent", magic: 0xab364723, format: 3 },
  { blob: "volatile", magic: 0x45637889, format: 4 },
];
/** From this version of its header on, a TPM 2.0 state names the lowest version that may read it. */
const NAMES_LOWEST = 2;
/** How a TPM 1.2 state begins: TPM 1.2 structure tags, measured as above. */
const STATES_1: readonly { blob: BlobName; begin: readonly number[] }[] = [
  { blob: "permanent", begin: [0x0001, 0x0022] },
  { blob: "volatile", begin: [0x0001, 0x0001] },
  { blob: "savestate", begin: [0x0024] },
];

/** What a state blob holds. @throws {StateFileError} for an encrypted blob, and for what is no state known here. */
export function stateKind(blob: Uint8Array): StateKind {
  const reader = new ByteReader(tagged(openFile(blobToFile(blob)), TAG.DATA));
  const words = Array.from({ length: Math.min(4, reader.left >> 1) }, () => reader.u16be());
  const [version = 0, high = 0, low = 0, lowest] = words;
  const magic = high * 0x1_0000 + low;
  const state2 = STATES_2.find((state) => state.magic === magic);
  if (state2) {
    const format = version >= NAMES_LOWEST && lowest !== undefined ? { version, lowest } : { version };
    return { version: "2.0", blob: state2.blob, format };
  }
  const state1 = STATES_1.find(({ begin }) => begin.every((tag, index) => words[index] === tag));
  if (state1) return { version: "1.2", blob: state1.blob };
  throw new StateFileError(
    "this is a state of swtpm, but neither of a TPM 2.0 nor of a TPM 1.2 as libtpms is known to write them",
  );
}

/** Why an older swtpm may refuse a state blob, in words; undefined where nothing speaks against it. */
export function newerState(blob: Uint8Array): string | undefined {
  let kind: StateKind;
  try {
    kind = stateKind(blob);
  } catch (error) {
    if (error instanceof StateFileError) return undefined;
    throw error;
  }
  const known = STATES_2.find((state) => state.blob === kind.blob)?.format;
  const { format } = kind;
  if (!format || known === undefined || format.version <= known) return undefined;
  const lowest = format.lowest === undefined ? "" : `, for those that know ${format.lowest} at least`;
  return `it has libtpms' format ${format.version}${lowest}, and libtpms 0.9, which Debian 12 and the page's own swtpm have, knows up to ${known}: run it behind a bridge whose swtpm is as new as the one that it comes from`;
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
  const data = openFile(file);
  tagged(data, TAG.DATA);
  const blob = new ByteWriter();
  blob.u16be(TAG.MIGRATION_DATA).u32be(data.length).bytes(data);
  return close(FLAG.MIGRATION_DATA, blob.finish());
}

/** A state file's data. */
function openFile(file: Uint8Array): Uint8Array {
  const { flags, data } = open(file, "state file");
  if (flags & FLAG.FILE_ENCRYPTED) throw encrypted("--key");
  if (flags & ~FLAG.FILE_ENCRYPTED) {
    throw new StateFileError(`this is no state file of swtpm: its flags are 0x${flags.toString(16)}`);
  }
  return data;
}

function open(bytes: Uint8Array, what: string): { flags: number; data: Uint8Array } {
  const no = (why: string) => new StateFileError(`this is no ${what} of swtpm: ${why}`);
  if (bytes.length < HEADER_SIZE + TAG_HEADER_SIZE) throw no(`it has ${bytes.length} bytes only`);
  const reader = new ByteReader(bytes);
  const version = reader.u8();
  const lowest = reader.u8();
  const headerSize = reader.u16be();
  const flags = reader.u16be();
  const size = reader.u32be();
  if (
    lowest < 1 ||
    lowest > version ||
    headerSize < HEADER_SIZE ||
    headerSize > bytes.length - TAG_HEADER_SIZE
  )
    throw no("its header is of a format that is not known here");
  if (lowest > VERSION) {
    // So does any file that begins with two such bytes: what it says of itself has to fit.
    throw size === bytes.length
      ? new StateFileError(
          `this ${what} of swtpm has format version ${version}, which only those read that know ${lowest} at least, and it is not known here beyond ${VERSION}: a newer swtpm wrote it, open it with a newer version of this page`,
        )
      : no("its header is of a format that is not known here");
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
