/** TPM packets as far as the register interface looks into them: the header's size field, and its own answers. */
import { ByteReader } from "../../protocol/bytes/reader.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import type { TpmVersion } from "./port.ts";

/** Tag, size and command or response code (TPM 2.0 Part 1, "Command/Response Structure"; TPM 1.2 Part 3). */
export const HEADER_BYTES = 10;
/** Bytes after which the size field is known. */
export const SIZE_FIELD_END = 6;
const SIZE_FIELD = 2;

/** The size that a packet's header declares, in bytes. */
export function declaredSize(packet: Uint8Array): number {
  return (
    ((packet[SIZE_FIELD]! << 24) |
      (packet[SIZE_FIELD + 1]! << 16) |
      (packet[SIZE_FIELD + 2]! << 8) |
      packet[5]!) >>>
    0
  );
}

/** True for a packet with a whole header that declares the length it has. */
export function isWellFormed(packet: Uint8Array, length: number): boolean {
  return length >= HEADER_BYTES && declaredSize(packet) === length;
}

type Version = Exclude<TpmVersion, "unspecified">;

/** TPM_TAG_RSP_COMMAND (1.2) and TPM_ST_NO_SESSIONS (2.0). */
const RESPONSE_TAG = { "1.2": 0x00c4, "2.0": 0x8001 } as const;
/** TPM_FAIL and TPM_RC_FAILURE. */
const FAILURE = { "1.2": 0x09, "2.0": 0x101 } as const;
/** TPM_BAD_PARAM_SIZE and TPM_RC_COMMAND_SIZE. */
const WRONG_SIZE = { "1.2": 0x19, "2.0": 0x142 } as const;
/** A TPM 2.0 looks at the tag first. TPM_RC_VALUE: it is no TPM_ST; TPM_RC_BAD_TAG: it is one, but no command's. */
const RC_VALUE = 0x84;
const RC_BAD_TAG = 0x1e;
const RC_CANCELED = 0x909;
/** TPM_ST_NO_SESSIONS and TPM_ST_SESSIONS. */
const COMMAND_TAGS: readonly number[] = [0x8001, 0x8002];
/** The other values of TPM_ST (TPM 2.0 Part 2, "TPM_ST"): responses, attestations and tickets. */
const OTHER_TAGS: readonly number[] = [
  ...[0x00c4, 0x8000, 0x8014, 0x8015, 0x8016, 0x8017, 0x8018, 0x8019, 0x801a],
  ...[0x8021, 0x8022, 0x8023, 0x8024, 0x8025],
];

function response(version: Version, code: number): Uint8Array {
  return new ByteWriter().u16be(RESPONSE_TAG[version]).u32be(HEADER_BYTES).u32be(code).finish();
}

/** What a TPM answers when it cannot work. */
export function failureResponse(version: Version): Uint8Array {
  return response(version, FAILURE[version]);
}

/** What a TPM 2.0 answers when a command was cancelled before it had changed anything: TPM_RC_CANCELED. */
export function canceledResponse(): Uint8Array {
  return response("2.0", RC_CANCELED);
}

/** What a TPM answers to a command that is not as long as its size field says. */
export function wrongSizeResponse(version: Version, command: Uint8Array): Uint8Array {
  const tag = (command[0]! << 8) | command[1]!;
  if (version === "2.0" && !COMMAND_TAGS.includes(tag)) {
    return response(version, OTHER_TAGS.includes(tag) ? RC_BAD_TAG : RC_VALUE);
  }
  return response(version, WRONG_SIZE[version]);
}

/** TPM_ORD_ContinueSelfTest (TPM 1.2 Part 2). */
const ORDINAL_CONTINUE_SELF_TEST = 0x53;

/** Command or response code of a packet. */
function code(packet: Uint8Array): number {
  return new ByteReader(packet.subarray(SIZE_FIELD_END)).u32be();
}

/** True for TPM 1.2's ContinueSelfTest command. */
export function isContinueSelfTest(command: Uint8Array): boolean {
  return code(command) === ORDINAL_CONTINUE_SELF_TEST;
}

/** True for a response that reports success. */
export function succeeded(response: Uint8Array): boolean {
  return code(response) === 0;
}
