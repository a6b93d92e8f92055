/** What somebody has put into the decoder. */
import { fromHex } from "../../../protocol/bytes/hex.ts";
import type { TraceEntry } from "../../../protocol/export/index.ts";
import { familyOf } from "../../../protocol/tpm2/parse.ts";
import { commandFields } from "../../../session/command-fields.ts";
import type { CommandRecord } from "../../../session/types.ts";

/** An offset as xxd and `hexdump -C` put it before a line. */
const OFFSET = /^([0-9a-f]{4,8})(?::\s+|\s\s+)/i;
/** Digits of a line of theirs. */
const DUMPED = 32;

/** What was typed, as bytes. @throws {SyntaxError} saying what is no hex. */
export function typedBytes(text: string): Uint8Array<ArrayBuffer> {
  const lines = text.split("\n");
  if (!lines.some((line) => OFFSET.test(line))) return fromHex(text);
  return fromHex(lines.map(dumpedDigits).join(""));
}

/** The digits of a hexdump's line, without its offset and its characters; its last line may be an offset alone. */
function dumpedDigits(line: string): string {
  const offset = OFFSET.exec(line);
  if (!offset) return /^[0-9a-f]{4,8}\s*$/i.test(line) ? "" : line;
  let digits = "";
  for (const part of line.slice(offset[0].length).split(/\s{2,}/)) {
    if (digits.length >= DUMPED || !/^[0-9a-f ]+$/i.test(part)) break;
    digits += part.replace(/ /g, "");
  }
  return digits;
}

/** Messages as the views have commands: as if a guest had sent them. */
export function commandRecords(entries: readonly TraceEntry[]): CommandRecord[] {
  const start = entries[0]?.time ?? 0;
  return entries.map(({ time, duration, locality = 0, request, response }, index) => ({
    id: index + 1,
    startedAt: time - start,
    ...(duration !== undefined && { duration }),
    locality,
    origin: "guest",
    ...commandFields(familyOf(request), request, response),
  }));
}
