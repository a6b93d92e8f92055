/** PCRs as text, as `tpm2_pcrread` prints them, so that the two can be compared line by line. */
import { toHex } from "../../../protocol/bytes/hex.ts";
import type { PcrBank } from "../../../session/types.ts";

/** E.g. "  sha256:\n    0 : 0x24AF…\n". */
export function pcrText(banks: readonly PcrBank[]): string {
  return banks
    .map(({ algorithm, values }) => {
      const lines = values.map(
        (value, pcr) => `    ${String(pcr).padEnd(2)}: 0x${toHex(value).toUpperCase()}\n`,
      );
      return `  ${algorithm}:\n${lines.join("")}`;
    })
    .join("");
}
