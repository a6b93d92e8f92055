/** TPM packets as far as the register interface looks into them: the header's size field, and its own answers. */
import { ByteReader } from "../bytes/reader.ts";
import { ByteWriter } from "../bytes/writer.ts";
import type { TpmVersion } from "./ports.ts";

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

/** Reasons for which the interface answers a command itself. */
export type OwnAnswer = "wrongSize" | "tpmFailed";

/** TPM_TAG_RSP_COMMAND (1.2) and TPM_ST_NO_SESSIONS (2.0). */
const TAG = { "1.2": 0x00c4, "2.0": 0x8001 } as const;
/** TPM_BAD_PARAM_SIZE and TPM_FAIL (1.2); TPM_RC_COMMAND_SIZE and TPM_RC_FAILURE (2.0). */
const CODE = {
  "1.2": { wrongSize: 0x19, tpmFailed: 0x09 },
  "2.0": { wrongSize: 0x142, tpmFailed: 0x101 },
} as const;

/** The response that the interface gives itself. */
export function ownAnswer(version: Exclude<TpmVersion, "unspecified">, reason: OwnAnswer): Uint8Array {
  return new ByteWriter().u16be(TAG[version]).u32be(HEADER_BYTES).u32be(CODE[version][reason]).finish();
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
