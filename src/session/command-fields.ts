/** What the bytes of a command and of its response say of them, as a record has it. */
import { commandName, responseCodeName, type TpmFamily } from "../protocol/tpm2/names.ts";
import { commandCode, responseCode } from "../protocol/tpm2/parse.ts";
import type { CommandRecord } from "./types.ts";

export function commandFields(
  family: TpmFamily,
  request: Uint8Array,
  response?: Uint8Array | null,
): Pick<CommandRecord, "code" | "name" | "request" | "response" | "responseCode" | "responseName"> {
  const code = commandCode(request) ?? 0;
  const result = response ? responseCode(response) : undefined;
  return {
    code,
    name: commandName(code, family),
    request,
    ...(response && { response }),
    ...(result !== undefined && { responseCode: result, responseName: responseCodeName(result, family) }),
  };
}
