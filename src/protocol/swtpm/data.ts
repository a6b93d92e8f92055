/**
 * The data channel: TPM commands and responses as they are, or, where CMD_GET_CAPABILITY has SEND_COMMAND_HEADER
 * (TPM 2.0 only), with a header that carries the locality: u32 8, u8 locality, u32 length before the command;
 * u32 length before the response and u32 0 after it. Source: swtpm, src/swtpm/swtpm_io.c and tpm_ioctl.h.
 *
 * swtpm takes what one read of it returns as one command, whatever its length field says. So a command has to be
 * written whole, and the next one only after the answer.
 */

/** TPM2_SEND_COMMAND: the first word of the header. */
const SEND_COMMAND = 8;
/** Bytes of the header before a command: word, locality, length. */
export const COMMAND_HEADER_SIZE = 9;
/** Tag, length and code: no TPM message is shorter. */
export const MESSAGE_HEADER_SIZE = 10;
/** Bytes that frame a response: its length before it, an acknowledgement after it. */
const RESPONSE_PREFIX = 4;
const RESPONSE_SUFFIX = 4;

/** The length field of the TPM message at `offset`. */
export function messageLength(bytes: Uint8Array, offset = 0): number {
  return readU32(bytes, offset + 2);
}

function readU32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

/** Puts the header with `locality` before a command. */
export function withLocality(locality: number, command: Uint8Array): Uint8Array {
  const frame = new Uint8Array(COMMAND_HEADER_SIZE + command.length);
  frame[3] = SEND_COMMAND;
  frame[4] = locality;
  frame[5] = command.length >>> 24;
  frame[6] = command.length >>> 16;
  frame[7] = command.length >>> 8;
  frame[8] = command.length;
  frame.set(command, COMMAND_HEADER_SIZE);
  return frame;
}

/** A message on the data channel is not one whole command, or not a response as announced. */
export class DataMessageError extends Error {
  override name = "DataMessageError";
}

/** What one message on the data channel holds. */
export interface CommandMessage {
  /** True when the header with the locality comes first. */
  framed: boolean;
}

/**
 * Checks that `bytes` are exactly one whole command, with or without the header.
 * @throws {DataMessageError} saying what is wrong.
 */
export function checkCommandMessage(bytes: Uint8Array): CommandMessage {
  const framed = bytes.length >= COMMAND_HEADER_SIZE && readU32(bytes, 0) === SEND_COMMAND;
  const start = framed ? COMMAND_HEADER_SIZE : 0;
  const length = bytes.length - start;
  if (framed && bytes[4]! > 4) throw new DataMessageError(`locality ${bytes[4]} in the header is not 0 to 4`);
  if (framed && readU32(bytes, 5) !== length)
    throw new DataMessageError(`the header announces ${readU32(bytes, 5)} bytes, ${length} follow`);
  if (length < MESSAGE_HEADER_SIZE)
    throw new DataMessageError(`a TPM command has at least ${MESSAGE_HEADER_SIZE} bytes, got ${length}`);
  const declared = messageLength(bytes, start);
  if (declared !== length)
    throw new DataMessageError(
      `the command's length field says ${declared}, the message has ${length} bytes`,
    );
  return { framed };
}

/**
 * Puts one response together from chunks of any size. Make `begin()`, then `push()` chunks until it gives the
 * response. The common case, a response that arrives in one chunk, costs one copy.
 */
export class ResponseAssembler {
  #framed = false;
  #buffer: Uint8Array;
  #length = 0;

  /** @param maxResponse largest response accepted, in bytes. */
  constructor(public maxResponse: number) {
    this.#buffer = new Uint8Array(0);
  }

  /** @param framed whether the command was sent with a header. */
  begin(framed: boolean): void {
    this.#framed = framed;
    this.#length = 0;
  }

  /**
   * @returns the response, in memory of its own, once it is whole.
   * @throws {DataMessageError} when the length is impossible, or more bytes come than were announced.
   */
  push(chunk: Uint8Array): Uint8Array | undefined {
    if (this.#length === 0) {
      const whole = this.#parse(chunk);
      if (whole) return whole;
    }
    const length = this.#length + chunk.length;
    const room = this.maxResponse + RESPONSE_PREFIX + RESPONSE_SUFFIX;
    if (length > room) throw new DataMessageError(`swtpm sent ${length} bytes in answer to one command`);
    if (this.#buffer.length < room) this.#buffer = new Uint8Array(room);
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
    return length === chunk.length ? undefined : this.#parse(this.#buffer.subarray(0, length));
  }

  #parse(bytes: Uint8Array): Uint8Array | undefined {
    const start = this.#framed ? RESPONSE_PREFIX : 0;
    if (bytes.length < start + MESSAGE_HEADER_SIZE) return undefined;
    const length = messageLength(bytes, start);
    if (length < MESSAGE_HEADER_SIZE || length > this.maxResponse)
      throw new DataMessageError(
        `the response's length field says ${length}; ${MESSAGE_HEADER_SIZE} to ${this.maxResponse} are possible`,
      );
    if (this.#framed && readU32(bytes, 0) !== length)
      throw new DataMessageError(`a response of ${length} bytes was announced as ${readU32(bytes, 0)}`);
    const end = start + length + (this.#framed ? RESPONSE_SUFFIX : 0);
    if (bytes.length < end) return undefined;
    if (bytes.length > end)
      throw new DataMessageError(`${bytes.length - end} bytes follow the response that nobody asked for`);
    if (this.#framed && readU32(bytes, start + length) !== 0)
      throw new DataMessageError(
        `swtpm's acknowledgement after the response is ${readU32(bytes, start + length)}`,
      );
    // Not `slice`: Node's Buffer makes a view of it, and chunks may lie in a shared slab.
    const response = new Uint8Array(length);
    response.set(bytes.subarray(start, start + length));
    return response;
  }
}
