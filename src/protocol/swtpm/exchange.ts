/**
 * One control exchange: a request as bytes, and how its reply is read. Replies have no header; the result comes
 * first, and what follows depends on it, so that a reply is decoded step by step: with what has arrived so far,
 * either more bytes are needed, or the reply is complete.
 */
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { PTM_RESULT, SWTPM_COMMANDS, type SwtpmCommand, SwtpmError } from "./commands.ts";

export interface ControlExchange<T> {
  readonly command: SwtpmCommand;
  /** The whole request; swtpm wants it in one write. */
  readonly request: Uint8Array;
  readonly reply: ReplyShape<T>;
}

export interface ReplyShape<T> {
  /** Bytes of fixed size that follow a successful result. */
  readonly fixed: number;
  /** Bytes that follow the fixed part, as the fixed part announces them. */
  tail?(fixed: ByteReader): number;
  /** Bytes that follow the result of a failed request; none for most commands. */
  errorTail?(result: number): number;
  /** Reads everything after the result. */
  parse(body: ByteReader): T;
}

/** `need`: the total number of bytes without which decoding cannot go on; `used`: the length of the reply. */
export type Decoded<T> =
  | { done: false; need: number }
  | { done: true; used: number; value: T }
  | { done: true; used: number; error: SwtpmError };

/** Starts a request with its command number. */
export function request(command: SwtpmCommand): ByteWriter {
  return new ByteWriter().u32be(SWTPM_COMMANDS[command]);
}

const RESULT_SIZE = 4;

/** Decodes the reply at the start of `bytes`, as far as it has arrived. */
export function decodeReply<T>(exchange: ControlExchange<T>, bytes: Uint8Array): Decoded<T> {
  if (bytes.length < RESULT_SIZE) return { done: false, need: RESULT_SIZE };
  const { command, reply } = exchange;
  const result = new ByteReader(bytes).u32be();
  if (result !== PTM_RESULT.SUCCESS) {
    const used = RESULT_SIZE + (reply.errorTail?.(result) ?? 0);
    if (bytes.length < used) return { done: false, need: used };
    return { done: true, used, error: new SwtpmError(command, result) };
  }
  const head = RESULT_SIZE + reply.fixed;
  if (bytes.length < head) return { done: false, need: head };
  const used = head + (reply.tail?.(new ByteReader(bytes.subarray(RESULT_SIZE, head))) ?? 0);
  if (bytes.length < used) return { done: false, need: used };
  return { done: true, used, value: reply.parse(new ByteReader(bytes.subarray(RESULT_SIZE, used))) };
}
