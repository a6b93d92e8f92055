/** Composes whole commands from values, by the same tables that decode them: for a form, a console, or a test. */
import { ByteWriter } from "../bytes/writer.ts";
import { TPM_ST_NO_SESSIONS, TPM_ST_SESSIONS, TPM_TAG_RQU_COMMAND, withHeader } from "./build.ts";
import { type CommandName, TPM_CC } from "./command-codes.ts";
import { COMMANDS } from "./commands/index.ts";
import { EncodeError, encodeFields, toValue, type Value } from "./encode-type.ts";
import type { Message } from "./message.ts";
import { COMMANDS12 } from "./tpm12/commands.ts";
import { type OrdinalName, TPM_ORD } from "./tpm12/ordinals.ts";
import { COMMAND_AUTH } from "./tpm12/types.ts";
import { find } from "./tree.ts";
import { TPMS_AUTH_COMMAND } from "./types/attestation.ts";

type Values = { readonly [field: string]: Value };

/** What a TPM 2.0 command carries. */
export interface CommandValues {
  /** Handles by name. */
  handles?: Values;
  /**
   * Sessions as TPMS_AUTH_COMMAND records. When left out, each handle that needs an authorization gets an empty
   * password; an empty list sends none.
   */
  sessions?: readonly Values[];
  /** Parameters by name. */
  parameters?: Values;
}

/** An authorization by password. `password` is hex, or characters in double quotes. */
export function passwordSession(password: Value = ""): Values {
  return { sessionHandle: "TPM_RS_PW", hmac: password };
}

/**
 * Composes a TPM 2.0 command.
 * @throws {EncodeError} naming the field that does not fit.
 */
export function encodeCommand(name: CommandName, values: CommandValues = {}): Uint8Array<ArrayBuffer> {
  const spec = COMMANDS[name];
  const body = new ByteWriter();
  encodeFields(spec.handles, values.handles ?? {}, body);
  const needed = spec.handles.filter((handle) => handle.auth).map(() => passwordSession());
  const sessions = values.sessions ?? needed;
  if (sessions.length > 0) {
    const area = new ByteWriter();
    for (const [index, session] of sessions.entries()) {
      encodeFields(TPMS_AUTH_COMMAND.fields, session, area, `sessions[${index}]`);
    }
    body.u32be(area.length).bytes(area.finish());
  }
  encodeFields(spec.parameters, values.parameters ?? {}, body);
  return withHeader(sessions.length > 0 ? TPM_ST_SESSIONS : TPM_ST_NO_SESSIONS, TPM_CC[name], body);
}

/**
 * Composes a TPM 1.2 command with up to two authorizations.
 * @throws {EncodeError} naming the field that does not fit, or the command when no table describes it.
 */
export function encodeCommand12(
  name: OrdinalName,
  parameters: Values = {},
  authorizations: readonly Values[] = [],
): Uint8Array<ArrayBuffer> {
  const spec = COMMANDS12[name];
  if (!spec) throw new EncodeError(name, "no table describes the parameters of this command");
  const body = new ByteWriter();
  encodeFields(spec.parameters, parameters, body);
  for (const [index, auth] of authorizations.entries()) {
    encodeFields(COMMAND_AUTH.fields, auth, body, `authorizations[${index}]`);
  }
  return withHeader(TPM_TAG_RQU_COMMAND + authorizations.length, TPM_ORD[name], body);
}

/** The values of a decoded TPM 2.0 command, to be changed and sent again. */
export function commandValues(message: Message): Required<CommandValues> {
  const sessions = find(message.fields, "authorizationArea")?.children?.slice(1) ?? [];
  return {
    handles: groupValues(message, "handles"),
    sessions: sessions.map((session) => toValue(session) as Values),
    parameters: groupValues(message, "parameters"),
  };
}

function groupValues(message: Message, name: string): Values {
  const children = find(message.fields, name)?.children ?? [];
  return Object.fromEntries(children.map((child) => [child.name, toValue(child)]));
}
