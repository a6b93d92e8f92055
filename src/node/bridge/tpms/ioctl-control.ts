/**
 * swtpm's control commands as ioctls, for a TPM behind a character device of CUSE's. What the page sends is the form for
 * sockets; both have the same numbers and fields, but an ioctl has the host's byte order, room for so many bytes, and
 * takes long data in pieces. Source: swtpm, include/swtpm/tpm_ioctl.h.
 */
import { endianness } from "node:os";
import { ByteWriter } from "../../../protocol/bytes/writer.ts";
import { commandNumber, PTM_CAP, PTM_RESULT, SWTPM_COMMANDS } from "../../../protocol/swtpm/index.ts";
import type { SocketChannel } from "../tcp-channel.ts";
import { type Ioctl, IoctlError, ioctlNumber } from "./ioctl.ts";
import { MemoryChannel } from "./memory-channel.ts";

const TYPE = "P";
const LITTLE = endianness() === "LE";
/** Bytes of a state blob, and of data to hash, that one ioctl carries. */
export const PTM_STATE_BLOB_SIZE = 3072;
const PTM_HDATA_SIZE = 4096;
const PTM_GETINFO_SIZE = 3072;
const WORD = 4;

/** What has a use over a device: its data are commands without a header, and it goes on after the session. */
const NOT_HERE = PTM_CAP.SHUTDOWN | PTM_CAP.SET_DATAFD | PTM_CAP.SEND_COMMAND_HEADER;

interface Shape {
  /** Bytes of the ioctl's argument. */
  size: number;
  /** Widths in bytes of the fields of request and reply, the result not counted. */
  request?: readonly number[];
  reply?: readonly number[];
}

/** Commands whose ioctl is their request or reply, field by field. */
const SHAPES: Partial<Record<number, Shape>> = {
  [SWTPM_COMMANDS.CMD_INIT]: { size: WORD, request: [4] },
  [SWTPM_COMMANDS.CMD_GET_TPMESTABLISHED]: { size: 8, reply: [1, 1, 1, 1] },
  [SWTPM_COMMANDS.CMD_SET_LOCALITY]: { size: WORD, request: [1] },
  [SWTPM_COMMANDS.CMD_HASH_START]: { size: WORD },
  [SWTPM_COMMANDS.CMD_HASH_END]: { size: WORD },
  [SWTPM_COMMANDS.CMD_CANCEL_TPM_CMD]: { size: WORD },
  [SWTPM_COMMANDS.CMD_STORE_VOLATILE]: { size: WORD },
  [SWTPM_COMMANDS.CMD_RESET_TPMESTABLISHED]: { size: WORD, request: [1] },
  [SWTPM_COMMANDS.CMD_STOP]: { size: WORD },
  [SWTPM_COMMANDS.CMD_GET_CONFIG]: { size: 8, reply: [4] },
  [SWTPM_COMMANDS.CMD_SET_BUFFERSIZE]: { size: 16, request: [4], reply: [4, 4, 4] },
  [SWTPM_COMMANDS.CMD_LOCK_STORAGE]: { size: WORD, request: [4] },
};
const SIZES = {
  capability: 8,
  hashData: WORD + PTM_HDATA_SIZE,
  getState: 4 * WORD + PTM_STATE_BLOB_SIZE,
  setState: 3 * WORD + PTM_STATE_BLOB_SIZE,
  /** Its request begins with a u64, to which the whole is aligned. */
  getInfo: 4 * WORD + PTM_GETINFO_SIZE,
};

/** A control channel in front of a device. */
export function ioctlControl(ioctl: Ioctl): SocketChannel {
  const control = new IoctlControl(ioctl);
  let last: Promise<unknown> = Promise.resolve();
  const channel = new MemoryChannel((message) => {
    const request = message.slice();
    // Replies in the order of the requests.
    last = last.then(async () => channel.say(await control.answer(request)));
  });
  return channel;
}

export class IoctlControl {
  readonly #ioctl: Ioctl;

  constructor(ioctl: Ioctl) {
    this.#ioctl = ioctl;
  }

  /** @throws {IoctlError} when the device does not know the command. @returns `PTM_CAP` of what is of use here. */
  async capabilities(): Promise<number> {
    const argument = new DataView(new ArrayBuffer(SIZES.capability));
    await this.#call(SWTPM_COMMANDS.CMD_GET_CAPABILITY, "read", argument);
    return Number(argument.getBigUint64(0, LITTLE)) & ~NOT_HERE;
  }

  /** The reply to a request in the form for sockets; never rejects. */
  async answer(request: Uint8Array): Promise<Uint8Array> {
    const command = commandNumber(request) ?? 0;
    const body = new DataView(
      request.buffer,
      request.byteOffset + WORD,
      Math.max(0, request.byteLength - WORD),
    );
    try {
      switch (command) {
        case SWTPM_COMMANDS.CMD_GET_CAPABILITY:
          return reply(PTM_RESULT.SUCCESS)
            .u32be(await this.capabilities())
            .finish();
        case SWTPM_COMMANDS.CMD_HASH_DATA:
          return reply(await this.#hashData(request.subarray(2 * WORD))).finish();
        case SWTPM_COMMANDS.CMD_GET_STATEBLOB:
          return await this.#getState(body);
        case SWTPM_COMMANDS.CMD_SET_STATEBLOB:
          return reply(await this.#setState(body, request.subarray(4 * WORD))).finish();
        case SWTPM_COMMANDS.CMD_GET_INFO:
          return await this.#getInfo(body);
      }
      const shape = SHAPES[command];
      if (shape) return await this.#plain(command, shape, body);
      return reply(PTM_RESULT.BAD_ORDINAL).finish();
    } catch (error) {
      if (error instanceof IoctlError) return reply(PTM_RESULT.IOERROR).finish();
      if (error instanceof RangeError) return reply(PTM_RESULT.BAD_PARAMETER).finish();
      throw error;
    }
  }

  async #plain(command: number, shape: Shape, body: DataView): Promise<Uint8Array> {
    const argument = new DataView(new ArrayBuffer(shape.size));
    copyFields(shape.request ?? [], body, 0, false, argument, 0, LITTLE);
    await this.#call(command, shape.request ? "read and write" : "read", argument);
    const result = argument.getUint32(0, LITTLE);
    const fields = result === PTM_RESULT.SUCCESS ? (shape.reply ?? []) : [];
    const out = new DataView(new ArrayBuffer(WORD + fields.reduce((sum, width) => sum + width, 0)));
    out.setUint32(0, result);
    copyFields(fields, argument, WORD, LITTLE, out, WORD, false);
    return new Uint8Array(out.buffer);
  }

  async #hashData(data: Uint8Array): Promise<number> {
    for (let at = 0; at < data.length; at += PTM_HDATA_SIZE) {
      const piece = data.subarray(at, at + PTM_HDATA_SIZE);
      const argument = words(SIZES.hashData, piece.length);
      put(argument, WORD, piece);
      await this.#call(SWTPM_COMMANDS.CMD_HASH_DATA, "read and write", argument);
      const result = argument.getUint32(0, LITTLE);
      if (result !== PTM_RESULT.SUCCESS) return result;
    }
    return PTM_RESULT.SUCCESS;
  }

  /** All pieces from the wanted offset on; a full one is followed by another, which may be empty. */
  async #getState(body: DataView): Promise<Uint8Array> {
    const [flags, type, offset] = [body.getUint32(0), body.getUint32(4), body.getUint32(8)];
    const pieces: Uint8Array[] = [];
    let read = 0;
    for (;;) {
      const argument = words(SIZES.getState, flags, type, offset + read);
      await this.#call(SWTPM_COMMANDS.CMD_GET_STATEBLOB, "read and write", argument);
      const [result, found, , length] = [0, 1, 2, 3].map((word) =>
        argument.getUint32(word * WORD, LITTLE),
      ) as [number, number, number, number];
      if (result !== PTM_RESULT.SUCCESS) return refusedState(result);
      pieces.push(take(argument, 4 * WORD, length));
      read += length;
      if (length < PTM_STATE_BLOB_SIZE)
        return reply(result).u32be(found).u32be(read).u32be(read).bytes(Buffer.concat(pieces)).finish();
    }
  }

  /** In pieces; the last one is shorter than a full one, or empty. */
  async #setState(body: DataView, data: Uint8Array): Promise<number> {
    const [flags, type] = [body.getUint32(0), body.getUint32(4)];
    for (let at = 0; ; at += PTM_STATE_BLOB_SIZE) {
      const piece = data.subarray(at, at + PTM_STATE_BLOB_SIZE);
      const argument = words(SIZES.setState, flags, type, piece.length);
      put(argument, 3 * WORD, piece);
      await this.#call(SWTPM_COMMANDS.CMD_SET_STATEBLOB, "read and write", argument);
      const result = argument.getUint32(0, LITTLE);
      if (result !== PTM_RESULT.SUCCESS || piece.length < PTM_STATE_BLOB_SIZE) return result;
    }
  }

  async #getInfo(body: DataView): Promise<Uint8Array> {
    const argument = new DataView(new ArrayBuffer(SIZES.getInfo));
    argument.setBigUint64(0, body.getBigUint64(0), LITTLE);
    argument.setUint32(8, body.getUint32(8), LITTLE);
    await this.#call(SWTPM_COMMANDS.CMD_GET_INFO, "read and write", argument);
    const result = argument.getUint32(0, LITTLE);
    if (result !== PTM_RESULT.SUCCESS) return reply(result).finish();
    const [total, length] = [argument.getUint32(4, LITTLE), argument.getUint32(8, LITTLE)];
    return reply(result)
      .u32be(total)
      .u32be(length)
      .bytes(take(argument, 3 * WORD, length))
      .finish();
  }

  #call(command: number, direction: "read" | "read and write", argument: DataView): Promise<void> {
    // The numbers for sockets count from 1, those of ioctls from 0.
    const number = ioctlNumber(direction, TYPE, command - 1, argument.byteLength);
    return this.#ioctl(number, new Uint8Array(argument.buffer));
  }
}

const reply = (result: number) => new ByteWriter().u32be(result);

/** As swtpm refuses over a socket: a blob that is not there with the whole header, the rest with the result alone. */
const refusedState = (result: number) =>
  result === PTM_RESULT.BAD_ORDINAL || result === PTM_RESULT.BAD_PARAMETER
    ? reply(result).finish()
    : reply(result).u32be(0).u32be(0).u32be(0).finish();

function words(size: number, ...values: number[]): DataView {
  const argument = new DataView(new ArrayBuffer(size));
  for (const [index, value] of values.entries()) argument.setUint32(index * WORD, value, LITTLE);
  return argument;
}

function put(argument: DataView, at: number, bytes: Uint8Array): void {
  new Uint8Array(argument.buffer).set(bytes, at);
}

/** @throws {RangeError} when the driver says more than there is room for. */
function take(argument: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(argument.buffer, at, length);
}

function copyFields(
  widths: readonly number[],
  from: DataView,
  fromAt: number,
  fromLittle: boolean,
  to: DataView,
  toAt: number,
  toLittle: boolean,
): void {
  let at = 0;
  for (const width of widths) {
    if (width === WORD) to.setUint32(toAt + at, from.getUint32(fromAt + at, fromLittle), toLittle);
    else to.setUint8(toAt + at, from.getUint8(fromAt + at));
    at += width;
  }
}
