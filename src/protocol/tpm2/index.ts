/**
 * TPM messages: names, a decoder, a composer, and the few commands that the project itself sends. Pure: no DOM, no
 * Node, no dependency. `decodeCommand(bytes)` and `decodeResponse(bytes, request)` give trees of fields, `summary` a
 * line; none of them ever throws. TPM 2.0 by the library specification (versions 1.59, 1.83 and 1.85), TPM 1.2 by TPM Main.
 */
export * as build from "./build.ts";
export { type CommandName, TPM_CC } from "./command-codes.ts";
export { COMMANDS } from "./commands/index.ts";
export type { CommandSpec, HandleSpec } from "./commands/spec.ts";
export { decodeCommand, decodeResponse, decodeStructure } from "./decode.ts";
export {
  type CommandValues,
  commandValues,
  encodeCommand,
  encodeCommand12,
  passwordSession,
} from "./encode.ts";
export { EncodeError, toValue, type Value } from "./encode-type.ts";
export type { Message } from "./message.ts";
export { commandName, responseCodeName, type TpmFamily } from "./names.ts";
export * as parse from "./parse.ts";
export { type ResponseCodeParts, responseCodeParts, responseCodeText } from "./response-code.ts";
export type { Definition, FieldSpec } from "./schema.ts";
export { summary } from "./summary.ts";
export { COMMANDS12 } from "./tpm12/commands.ts";
export { type BitField, errors, type Field, find, type JsonField, leaves, pathAt, toJson } from "./tree.ts";
export { TPMT_SIGNATURE } from "./types/algorithm-parameters.ts";
export { TPMS_ATTEST } from "./types/attestation.ts";
export { TPMT_PUBLIC } from "./types/objects.ts";
export { TPMS_NV_PUBLIC } from "./types/storage.ts";
