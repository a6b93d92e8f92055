/** Names for people: of commands and of response codes, in the field's own spelling, for both TPM families. */
import { hexNumber } from "../bytes/hex.ts";
import { commandOf } from "./command-codes.ts";
import { responseCodeName2 } from "./response-code.ts";
import { ordinalOf, ordinalTitle } from "./tpm12/ordinals.ts";
import { TPM_RESULT } from "./tpm12/return-codes.ts";

/** The two TPM families. */
export type TpmFamily = "2.0" | "1.2";

/** "TPM2_PCR_Extend", "TPM_Extend"; the code in hex when the specification has no such command. */
export function commandName(code: number, version: TpmFamily): string {
  if (version === "2.0") {
    const name = commandOf(code);
    return name ? `TPM2_${name}` : hexNumber(code);
  }
  const name = ordinalOf(code);
  return name ? ordinalTitle(name) : hexNumber(code);
}

/** "TPM_RC_VALUE (parameter 1)", "TPM_AUTHFAIL"; the code in hex when the specification has no name for it. */
export function responseCodeName(code: number, version: TpmFamily): string {
  if (version === "2.0") return responseCodeName2(code);
  const row = TPM_RESULT[code];
  return row ? `TPM_${row[0]}` : hexNumber(code, 3);
}
