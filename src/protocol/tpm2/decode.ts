/**
 * Decodes whole TPM messages (Part 1, section 18; TPM 1.2: Part 1, 13) into trees of fields. Nothing throws: any
 * bytes give a tree whose leaves cover them all.
 */
import { TPM_ST_SESSIONS } from "./build.ts";
import { commandOf } from "./command-codes.ts";
import { COMMANDS } from "./commands/index.ts";
import type { CommandSpec } from "./commands/spec.ts";
import { decodeField, decodeFields, decodeRegion } from "./decode-type.ts";
import { Cursor, decodeHeader, finish, group, headerCode, type Message } from "./message.ts";
import { commandName, type TpmFamily } from "./names.ts";
import { commandCode, familyOf } from "./parse.ts";
import { buffer, type Definition, type FieldSpec, f } from "./schema.ts";
import { decodeCommand12, decodeResponse12 } from "./tpm12/decode.ts";
import type { Field } from "./tree.ts";
import { TPMS_AUTH_COMMAND, TPMS_AUTH_RESPONSE } from "./types/attestation.ts";
import { TPM_CC, TPM_RC, TPM_ST, TPMI_ST_COMMAND_TAG } from "./types/constants.ts";
import { UINT32 } from "./types/integers.ts";

const COMMAND_HEADER = [
  f("tag", TPMI_ST_COMMAND_TAG, "whether sessions follow"),
  f("commandSize", UINT32, "bytes of the whole command"),
  f("commandCode", TPM_CC, "the command"),
];
const RESPONSE_HEADER = [
  f("tag", TPM_ST, "whether sessions follow"),
  f("responseSize", UINT32, "bytes of the whole response"),
  f("responseCode", TPM_RC, "how the command ended"),
];
const TPM_RS_PW = 0x4000_0009;
const ENCRYPTED = "encrypted with the session's key; only the size can be read";
/** TPMA_SESSION bits. */
const DECRYPT = 0x20;
const ENCRYPT = 0x40;

/** Decodes a command. @param family what to read it as; by default its tag says it. */
export function decodeCommand(bytes: Uint8Array, family: TpmFamily = familyOf(bytes)): Message {
  if (family === "1.2") return decodeCommand12(bytes);
  const cursor = new Cursor(bytes);
  const header = decodeHeader(COMMAND_HEADER, cursor);
  const code = headerCode(header);
  const command = code === undefined ? undefined : specOf(code);
  const fields = [header];
  if (command) {
    pushGroup(fields, "handles", "what the command works on", command.handles, cursor);
    const attributes = tagOf(header) === TPM_ST_SESSIONS ? pushCommandSessions(fields, cursor) : 0;
    const specs = attributes & DECRYPT ? encryptFirst(command.parameters) : command.parameters;
    pushGroup(fields, "parameters", "what the command is given", specs, cursor);
    if (specs !== command.parameters) noteEncrypted(fields.at(-1));
  }
  return message("command", code, command, finish(fields, cursor));
}

/**
 * Decodes a response.
 * @param request the command that it answers, or its code. Without it only the header can be told apart.
 */
export function decodeResponse(
  bytes: Uint8Array,
  request?: Uint8Array | number,
  family?: TpmFamily,
): Message {
  const code = typeof request === "number" ? request : request && commandCode(request);
  const requestFamily = family ?? (request instanceof Uint8Array ? familyOf(request) : familyOf(bytes));
  if (requestFamily === "1.2" && familyOf(bytes) === "1.2") return decodeResponse12(bytes, request);
  const cursor = new Cursor(bytes);
  const header = decodeHeader(RESPONSE_HEADER, cursor);
  const responseCode = headerCode(header);
  const command = code === undefined ? undefined : specOf(code);
  const fields = [header];
  if (command && responseCode === 0) decodeBody(fields, command, tagOf(header) === TPM_ST_SESSIONS, cursor);
  const result = message("response", code, command, finish(fields, cursor));
  if (responseCode !== undefined) result.responseCode = responseCode;
  return result;
}

/**
 * Decodes bytes that hold one structure, e.g. a quote's TPMS_ATTEST or a key's TPMT_PUBLIC kept in a file.
 * @returns the structure, then what is left over, if anything.
 */
export function decodeStructure(type: Definition, bytes: Uint8Array): Field[] {
  const cursor = new Cursor(bytes);
  const field = { name: type.name, type, meaning: type.meaning };
  return decodeRegion(cursor, bytes.length, (inner) => decodeFields([field], inner));
}

/** Handles, parameters and sessions of a successful response. */
function decodeBody(fields: Field[], command: CommandSpec, sessions: boolean, cursor: Cursor): void {
  pushGroup(fields, "handles", "what the TPM has made", command.responseHandles, cursor);
  if (!sessions) {
    pushGroup(fields, "parameters", "what the TPM answers", command.response, cursor);
    return;
  }
  const size = cursor.broken
    ? undefined
    : decodeField(f("parameterSize", UINT32, "bytes of the parameters"), cursor, []);
  if (!size) return;
  fields.push(size);
  if (typeof size.value !== "number" || cursor.broken) return;
  if (size.value > cursor.left) size.error = `${size.value} byte(s) announced, ${cursor.left} left`;
  const encrypted = sessionAttributes(cursor, cursor.pos + size.value, false) & ENCRYPT;
  const specs = encrypted ? encryptFirst(command.response) : command.response;
  const start = cursor.pos;
  const parameters = decodeRegion(cursor, size.value, (inner) => decodeFields(specs, inner));
  if (parameters.length) fields.push(group("parameters", "what the TPM answers", start, parameters, cursor));
  if (specs !== command.response) noteEncrypted(fields.at(-1));
  if (cursor.left > 0 && !cursor.broken) pushSessions(fields, cursor, TPMS_AUTH_RESPONSE, cursor.left);
}

/** Reads the authorization area of a command. @returns the attributes of all its sessions together. */
function pushCommandSessions(fields: Field[], cursor: Cursor): number {
  if (cursor.broken) return 0;
  const start = cursor.pos;
  const size = decodeField(f("authorizationSize", UINT32, "bytes of the sessions"), cursor, []);
  if (!size) return 0;
  const wanted = size.value;
  if (typeof wanted !== "number" || cursor.broken) {
    fields.push(group("authorizationArea", "the sessions", start, [size], cursor));
    return 0;
  }
  if (wanted > cursor.left) size.error = `${wanted} byte(s) announced, ${cursor.left} left`;
  const attributes = sessionAttributes(cursor, cursor.pos, true, Math.min(cursor.end, cursor.pos + wanted));
  pushSessions(fields, cursor, TPMS_AUTH_COMMAND, wanted, size);
  return attributes;
}

function pushSessions(
  fields: Field[],
  cursor: Cursor,
  type: typeof TPMS_AUTH_COMMAND,
  length: number,
  size?: Field,
): void {
  const start = size?.offset ?? cursor.pos;
  const sessions = decodeRegion(cursor, length, (inner) => {
    const items: Field[] = [];
    while (inner.left > 0 && !inner.broken) {
      const item = decodeField(f(`[${items.length}]`, type, "a session"), inner, []);
      if (item) items.push(item);
    }
    return items;
  });
  for (const session of sessions) notePassword(session);
  const children = size ? [size, ...sessions] : sessions;
  fields.push(group("authorizationArea", "the sessions", start, children, cursor));
}

/** A password session carries the password itself where others have an HMAC. */
function notePassword(session: Field): void {
  const [handle, , , hmac] = session.children ?? [];
  if (handle?.value !== TPM_RS_PW || !hmac) return;
  hmac.note = hmac.length > 2 ? "a password, in the clear" : "an empty password";
}

/** The attributes of the sessions from `start` to `end`, or-ed together, as far as they can be found. */
function sessionAttributes(cursor: Cursor, start: number, command: boolean, end = cursor.end): number {
  const { view } = cursor;
  let attributes = 0;
  let pos = start;
  while (true) {
    if (command) pos += 4;
    if (pos + 2 > end) return attributes;
    pos += 2 + view.getUint16(pos);
    if (pos + 3 > end) return attributes;
    attributes |= view.getUint8(pos);
    pos += 3 + view.getUint16(pos + 1);
  }
}

/** The same parameters with the content of the first, if it has a size of its own, as ciphertext (Part 1, 21). */
function encryptFirst(specs: readonly FieldSpec[]): readonly FieldSpec[] {
  const [first, ...others] = specs;
  if (!first || (first.type.kind !== "buffer" && first.type.kind !== "sized")) return specs;
  return [{ ...first, type: buffer(first.type.name, "Part 1, 21", ENCRYPTED) }, ...others];
}

function noteEncrypted(parameters: Field | undefined): void {
  const first = parameters?.children?.[0];
  if (first) first.note = ENCRYPTED;
}

function pushGroup(
  fields: Field[],
  name: string,
  meaning: string,
  specs: readonly FieldSpec[],
  cursor: Cursor,
): void {
  if (cursor.broken || specs.length === 0) return;
  const start = cursor.pos;
  fields.push(group(name, meaning, start, decodeFields(specs, cursor), cursor));
}

function specOf(code: number): CommandSpec | undefined {
  const name = commandOf(code);
  return name && COMMANDS[name];
}

function tagOf(header: Field): number | undefined {
  return header.children?.[0]?.value as number | undefined;
}

function message(
  direction: Message["direction"],
  code: number | undefined,
  command: CommandSpec | undefined,
  fields: Field[],
): Message {
  const name = code === undefined ? "unknown" : commandName(code, "2.0");
  return {
    family: "2.0",
    direction,
    ...(code === undefined ? {} : { code }),
    name,
    ...(command ? { meaning: command.meaning, spec: command.spec } : {}),
    fields,
  };
}
