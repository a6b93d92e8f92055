/** Messages of TPM 1.2 (TPM Main, Part 1, 13; Part 3): header, parameters, and authorizations at the end. */
import { decodeField, decodeFields, decodeRegion } from "../decode-type.ts";
import { Cursor, decodeHeader, finish, group, headerCode, type Message } from "../message.ts";
import { commandName } from "../names.ts";
import { type FieldSpec, f } from "../schema.ts";
import { type Field, find } from "../tree.ts";
import { UINT32 } from "../types/integers.ts";
import { capabilityAnswer } from "./capabilities.ts";
import { COMMANDS12, type Command12Spec } from "./commands.ts";
import { ordinalOf, TPM_ORD } from "./ordinals.ts";
import { COMMAND_AUTH, RESPONSE_AUTH, sized32, TPM_COMMAND_CODE, TPM_RESULT_CODE, TPM_TAG } from "./types.ts";

const COMMAND_HEADER = [
  f("tag", TPM_TAG, "how many authorizations there are"),
  f("paramSize", UINT32, "bytes of the whole command"),
  f("ordinal", TPM_COMMAND_CODE, "the command"),
];
const RESPONSE_HEADER = [
  f("tag", TPM_TAG, "how many authorizations there are"),
  f("paramSize", UINT32, "bytes of the whole response"),
  f("returnCode", TPM_RESULT_CODE, "how the command ended"),
];
const COMMAND_AUTH_SIZE = 45;
const RESPONSE_AUTH_SIZE = 41;

/** Decodes a TPM 1.2 command; see {@link ../decode.ts}. */
export function decodeCommand12(bytes: Uint8Array): Message {
  const cursor = new Cursor(bytes);
  const header = decodeHeader(COMMAND_HEADER, cursor);
  const ordinal = headerCode(header);
  const spec = specOf(ordinal);
  const fields = [header];
  if (!cursor.broken) {
    const auths = authCount(header, 0xc1);
    body(
      fields,
      spec?.parameters,
      "what the command is given",
      auths,
      COMMAND_AUTH,
      COMMAND_AUTH_SIZE,
      cursor,
    );
  }
  return message("command", ordinal, spec, finish(fields, cursor));
}

/** Decodes a TPM 1.2 response; see {@link ../decode.ts}. */
export function decodeResponse12(bytes: Uint8Array, request?: Uint8Array | number): Message {
  const command = request instanceof Uint8Array ? decodeCommand12(request) : undefined;
  const ordinal = command ? command.code : (request as number | undefined);
  const cursor = new Cursor(bytes);
  const header = decodeHeader(RESPONSE_HEADER, cursor);
  const returnCode = headerCode(header);
  const spec = specOf(ordinal);
  const fields = [header];
  if (returnCode === 0 && !cursor.broken) {
    const specs = ordinal === TPM_ORD.GetCapability ? capabilityResponse(command) : spec?.response;
    const auths = authCount(header, 0xc4);
    body(fields, specs, "what the TPM answers", auths, RESPONSE_AUTH, RESPONSE_AUTH_SIZE, cursor);
  }
  const result = message("response", ordinal, spec, finish(fields, cursor));
  if (returnCode !== undefined) result.responseCode = returnCode;
  return result;
}

/** Parameters up to the authorizations, whose size is known. */
function body(
  fields: Field[],
  specs: readonly FieldSpec[] | undefined,
  meaning: string,
  auths: number,
  authType: typeof COMMAND_AUTH,
  authSize: number,
  cursor: Cursor,
): void {
  const start = cursor.pos;
  const length = Math.max(0, cursor.left - auths * authSize);
  const surplus = specs ? "surplus" : "parameters";
  const parameters = decodeRegion(
    cursor,
    length,
    (inner) => (specs ? decodeFields(specs, inner) : []),
    surplus,
  );
  if (!specs && parameters[0]) {
    delete parameters[0].error;
    parameters[0].note = "no table describes these parameters";
  }
  if (parameters.length) fields.push(group("parameters", meaning, start, parameters, cursor));
  const authStart = cursor.pos;
  const items: Field[] = [];
  for (let index = 0; index < auths && !cursor.broken; index++) {
    const item = decodeField(f(`[${index}]`, authType, "an authorization"), cursor, []);
    if (item) items.push(item);
  }
  if (items.length) fields.push(group("authorizationArea", "the authorizations", authStart, items, cursor));
}

/** The answer's form depends on what was asked. */
function capabilityResponse(command: Message | undefined): readonly FieldSpec[] {
  const parameters = find(command?.fields, "parameters")?.children;
  const area = find(parameters, "capArea")?.value as number | undefined;
  const subCap = find(parameters, "subCap")?.children?.[1]?.value;
  const answer = capabilityAnswer(area, typeof subCap === "number" ? subCap : undefined);
  return [f("resp", sized32("resp", answer, "the answer"), "the answer")];
}

function authCount(header: Field, first: number): number {
  const tag = header.children?.[0]?.value;
  return typeof tag === "number" && tag >= first && tag <= first + 2 ? tag - first : 0;
}

function specOf(ordinal: number | undefined): Command12Spec | undefined {
  const name = ordinal === undefined ? undefined : ordinalOf(ordinal);
  return name && COMMANDS12[name];
}

function message(
  direction: Message["direction"],
  ordinal: number | undefined,
  spec: Command12Spec | undefined,
  fields: Field[],
): Message {
  return {
    family: "1.2",
    direction,
    ...(ordinal === undefined ? {} : { code: ordinal }),
    name: ordinal === undefined ? "unknown" : commandName(ordinal, "1.2"),
    ...(spec ? { meaning: spec.meaning, spec: "TPM Main, Part 3" } : {}),
    fields,
  };
}
