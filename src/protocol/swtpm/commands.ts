/**
 * The words of swtpm's control protocol: commands, capability bits, result codes, blob types.
 * Source: swtpm, man page swtpm_ioctls(3) and include/swtpm/tpm_ioctl.h; all integers are big-endian.
 */

/** Command numbers of the control channel. */
export const SWTPM_COMMANDS = {
  CMD_GET_CAPABILITY: 0x01,
  CMD_INIT: 0x02,
  CMD_SHUTDOWN: 0x03,
  CMD_GET_TPMESTABLISHED: 0x04,
  CMD_SET_LOCALITY: 0x05,
  CMD_HASH_START: 0x06,
  CMD_HASH_DATA: 0x07,
  CMD_HASH_END: 0x08,
  CMD_CANCEL_TPM_CMD: 0x09,
  CMD_STORE_VOLATILE: 0x0a,
  CMD_RESET_TPMESTABLISHED: 0x0b,
  CMD_GET_STATEBLOB: 0x0c,
  CMD_SET_STATEBLOB: 0x0d,
  CMD_STOP: 0x0e,
  CMD_GET_CONFIG: 0x0f,
  CMD_SET_DATAFD: 0x10,
  CMD_SET_BUFFERSIZE: 0x11,
  CMD_GET_INFO: 0x12,
  /** swtpm 0.8 and later. */
  CMD_LOCK_STORAGE: 0x13,
} as const;

export type SwtpmCommand = keyof typeof SWTPM_COMMANDS;

/** Bits of CMD_GET_CAPABILITY's answer. */
export const PTM_CAP = {
  INIT: 1 << 0,
  SHUTDOWN: 1 << 1,
  GET_TPMESTABLISHED: 1 << 2,
  SET_LOCALITY: 1 << 3,
  HASHING: 1 << 4,
  CANCEL_TPM_CMD: 1 << 5,
  STORE_VOLATILE: 1 << 6,
  RESET_TPMESTABLISHED: 1 << 7,
  GET_STATEBLOB: 1 << 8,
  SET_STATEBLOB: 1 << 9,
  STOP: 1 << 10,
  GET_CONFIG: 1 << 11,
  SET_DATAFD: 1 << 12,
  SET_BUFFERSIZE: 1 << 13,
  GET_INFO: 1 << 14,
  /** The data channel takes a header with the locality before each command (TPM 2.0 only). */
  SEND_COMMAND_HEADER: 1 << 15,
  LOCK_STORAGE: 1 << 16,
} as const;

export type SwtpmCapability = keyof typeof PTM_CAP;

/** The names of the bits that are set in `capabilities`. */
export function capabilityNames(capabilities: number): SwtpmCapability[] {
  return (Object.keys(PTM_CAP) as SwtpmCapability[]).filter((name) => capabilities & PTM_CAP[name]);
}

/** PTM_BLOB_TYPE_*, in the order in which blobs have to be set. */
export const PTM_BLOB_TYPE = { permanent: 1, volatile: 2, savestate: 3 } as const;

export type BlobName = keyof typeof PTM_BLOB_TYPE;

export const BLOB_NAMES = Object.keys(PTM_BLOB_TYPE) as BlobName[];

/** PTM_STATE_FLAG_*: in a request "give it decrypted", in a reply "it is encrypted with the migration key". */
export const PTM_STATE_FLAG = { DECRYPTED: 1, ENCRYPTED: 2 } as const;

/** PTM_INIT_FLAG_DELETE_VOLATILE: remove the volatile state file once it is loaded. */
export const PTM_INIT_FLAG_DELETE_VOLATILE = 1;

/** Results that this protocol gives a meaning to. */
export const PTM_RESULT = {
  SUCCESS: 0x00,
  BAD_PARAMETER: 0x03,
  FAIL: 0x09,
  BAD_ORDINAL: 0x0a,
  SIZE: 0x11,
  IOERROR: 0x1f,
  BAD_LOCALITY: 0x3d,
  VOLATILE_DAMAGED: 0x83,
  FAILURE: 0x101,
  RETRY: 0x800,
} as const;

const RESULT_WORDS = new Map<number, string>([
  [PTM_RESULT.SUCCESS, "TPM_SUCCESS"],
  [PTM_RESULT.BAD_PARAMETER, "TPM_BAD_PARAMETER: the request or the state blob in it is malformed"],
  [PTM_RESULT.FAIL, "TPM_FAIL: the operation failed inside the TPM"],
  [
    PTM_RESULT.BAD_ORDINAL,
    "TPM_BAD_ORDINAL: swtpm does not know the command, or the TPM is running when it must be stopped (or the reverse)",
  ],
  [PTM_RESULT.SIZE, "TPM_SIZE: swtpm had no memory for the answer"],
  [PTM_RESULT.IOERROR, "TPM_IOERROR: input or output failed, or a data channel exists already"],
  [PTM_RESULT.BAD_LOCALITY, "TPM_BAD_LOCALITY: the locality is not allowed to do that"],
  [PTM_RESULT.VOLATILE_DAMAGED, "the volatile state blob is damaged"],
  [PTM_RESULT.FAILURE, "TPM_RC_FAILURE: the TPM is in failure mode"],
  [PTM_RESULT.RETRY, "TPM_RETRY: there is no such state, or it was set out of order"],
]);

/** A result code in words. */
export function resultMeaning(result: number): string {
  return RESULT_WORDS.get(result) ?? "a result code without a known meaning";
}

/** swtpm answered a control command with a result other than success. */
export class SwtpmError extends Error {
  override name = "SwtpmError";
  constructor(
    readonly command: SwtpmCommand,
    /** The result code as swtpm sent it. */
    readonly result: number,
    /** The result code in words. */
    readonly meaning = resultMeaning(result),
  ) {
    super(`swtpm answered ${command} with 0x${result.toString(16)} (${meaning})`);
  }
}
