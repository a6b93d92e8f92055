/**
 * Every command of swtpm's control channel as a {@link ControlExchange}. The exchanges know the bytes only; who may
 * send which when (a TPM that runs or is stopped, an order between them) is the backend's affair.
 */
import { ByteReader } from "../bytes/reader.ts";
import { type BlobName, PTM_BLOB_TYPE, PTM_RESULT, PTM_STATE_FLAG, type SwtpmCommand } from "./commands.ts";
import { type ControlExchange, type ReplyShape, request } from "./exchange.ts";

const NOTHING: ReplyShape<void> = { fixed: 0, parse: () => undefined };
const U32: ReplyShape<number> = { fixed: 4, parse: (body) => body.u32be() };

function plain<T>(command: SwtpmCommand, reply: ReplyShape<T>): ControlExchange<T> {
  return { command, request: request(command).finish(), reply };
}

/** The bits of {@link PTM_CAP}. swtpm's C structure has 64 bits here, of which the socket carries the low 32. */
export const getCapability = (): ControlExchange<number> => plain("CMD_GET_CAPABILITY", U32);

/** Powers the TPM on. @param flags `PTM_INIT_FLAG_*`. */
export function init(flags: number): ControlExchange<void> {
  return { command: "CMD_INIT", request: request("CMD_INIT").u32be(flags).finish(), reply: NOTHING };
}

/** Ends the swtpm process after its answer. */
export const shutdown = (): ControlExchange<void> => plain("CMD_SHUTDOWN", NOTHING);

/** Powers the TPM off; allowed at any time. */
export const stop = (): ControlExchange<void> => plain("CMD_STOP", NOTHING);

/** The establishment flag. */
export const getTpmEstablished = (): ControlExchange<boolean> =>
  plain("CMD_GET_TPMESTABLISHED", { fixed: 4, parse: (body) => body.u8() !== 0 });

/** Clears the establishment flag. @param locality 3 or 4, else swtpm answers TPM_BAD_LOCALITY. */
export function resetTpmEstablished(locality: number): ControlExchange<void> {
  const command = "CMD_RESET_TPMESTABLISHED";
  return { command, request: request(command).u8(locality).finish(), reply: NOTHING };
}

/** The locality of the commands that follow. @param locality 0 to 4. */
export function setLocality(locality: number): ControlExchange<void> {
  const command = "CMD_SET_LOCALITY";
  return { command, request: request(command).u8(locality).finish(), reply: NOTHING };
}

/** Asks the TPM to give up the running command. */
export const cancelTpmCommand = (): ControlExchange<void> => plain("CMD_CANCEL_TPM_CMD", NOTHING);

/** Writes the volatile state to swtpm's state directory. */
export const storeVolatile = (): ControlExchange<void> => plain("CMD_STORE_VOLATILE", NOTHING);

export const hashStart = (): ControlExchange<void> => plain("CMD_HASH_START", NOTHING);
export const hashEnd = (): ControlExchange<void> => plain("CMD_HASH_END", NOTHING);
export function hashData(data: Uint8Array): ControlExchange<void> {
  const command = "CMD_HASH_DATA";
  return { command, request: request(command).u32be(data.length).bytes(data).finish(), reply: NOTHING };
}

/** A piece of a state blob. */
export interface BlobPiece {
  bytes: Uint8Array;
  /** `PTM_STATE_FLAG`. */
  flags: number;
  /** Bytes of the blob from the asked offset on; more than `bytes.length` when swtpm sent only a part. */
  total: number;
}

/** Header of CMD_GET_STATEBLOB's answer after the result: flags, total length, length. */
const BLOB_HEADER = 12;

/** Reads a state blob of a running TPM, decrypted where swtpm encrypts its files, from `offset` on. */
export function getStateBlob(name: BlobName, offset = 0): ControlExchange<BlobPiece> {
  const command = "CMD_GET_STATEBLOB";
  return {
    command,
    request: request(command)
      .u32be(PTM_STATE_FLAG.DECRYPTED)
      .u32be(PTM_BLOB_TYPE[name])
      .u32be(offset)
      .finish(),
    reply: {
      fixed: BLOB_HEADER,
      tail: (fixed) => {
        fixed.take(8);
        return fixed.u32be();
      },
      // Refused before the blob was looked for: the result alone. Otherwise the header comes along.
      errorTail: (result) =>
        result === PTM_RESULT.BAD_ORDINAL || result === PTM_RESULT.BAD_PARAMETER ? 0 : BLOB_HEADER,
      parse: (body) => {
        const flags = body.u32be();
        const total = body.u32be();
        return { flags, total, bytes: body.take(body.u32be()).slice() };
      },
    },
  };
}

/** Gives a stopped TPM a state blob, whole. */
export function setStateBlob(name: BlobName, bytes: Uint8Array, flags: number): ControlExchange<void> {
  const command = "CMD_SET_STATEBLOB";
  return {
    command,
    request: request(command)
      .u32be(flags & PTM_STATE_FLAG.ENCRYPTED)
      .u32be(PTM_BLOB_TYPE[name])
      .u32be(bytes.length)
      .bytes(bytes)
      .finish(),
    reply: NOTHING,
  };
}

/** Flags: 1 = state files are encrypted, 2 = a migration key is set. */
export const getConfig = (): ControlExchange<number> => plain("CMD_GET_CONFIG", U32);

/** Buffer sizes in bytes. */
export interface BufferSize {
  size: number;
  min: number;
  max: number;
}

/** Sets the size of the command and response buffer of a stopped TPM. @param size bytes; 0 asks only. */
export function setBufferSize(size: number): ControlExchange<BufferSize> {
  const command = "CMD_SET_BUFFERSIZE";
  return {
    command,
    request: request(command).u32be(size).finish(),
    reply: {
      fixed: 12,
      parse: (body) => ({ size: body.u32be(), min: body.u32be(), max: body.u32be() }),
    },
  };
}

/** Flags of CMD_GET_INFO that every swtpm with the command knows. */
export const GET_INFO_FLAG = { TPM_SPECIFICATION: 1, TPM_ATTRIBUTES: 2 } as const;

/** What swtpm tells of its TPM; fields that it does not send are missing. */
export interface SwtpmInfo {
  TPMSpecification?: { family?: string; level?: number; revision?: number };
  TPMAttributes?: { manufacturer?: string; version?: string; model?: string };
}

/** Describes the TPM. @param flags the parts wanted. The reply's JSON text ends with a zero byte. */
export function getInfo(flags: number): ControlExchange<SwtpmInfo> {
  const command = "CMD_GET_INFO";
  return {
    command,
    request: request(command).u64be(BigInt(flags)).u32be(0).u32be(0).finish(),
    reply: {
      fixed: 8,
      tail: (fixed) => {
        fixed.take(4);
        return fixed.u32be();
      },
      parse: (body) => {
        body.take(4);
        return parseInfo(body.take(body.u32be()));
      },
    },
  };
}

function parseInfo(bytes: Uint8Array): SwtpmInfo {
  let text = "";
  for (const byte of bytes) if (byte) text += String.fromCharCode(byte);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    // A description is not worth a failure: the TPM works without it.
    return {};
  }
}

/** Takes the lock of the state storage again, after a failed migration. @param retries of 10 ms each. */
export function lockStorage(retries: number): ControlExchange<void> {
  const command = "CMD_LOCK_STORAGE";
  return { command, request: request(command).u32be(retries).finish(), reply: NOTHING };
}

/** The command of a request's bytes, for logs; undefined for an unknown number. */
export function commandNumber(bytes: Uint8Array): number | undefined {
  return bytes.length < 4 ? undefined : new ByteReader(bytes).u32be();
}
