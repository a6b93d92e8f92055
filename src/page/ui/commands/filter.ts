/** Picks commands by what one types: each word must be in the name, the line about it, the result, the origin or the code. */
import { hexNumber } from "../../../protocol/bytes/hex.ts";
import type { CommandRecord } from "../../../session/types.ts";
import { aboutCommand } from "./about.ts";

/** A word for every command that the TPM refused. */
export const FAILED_WORD = "failed";

/** All commands that fit; without words, all. Case does not matter. */
export function filterCommands(records: readonly CommandRecord[], text: string): readonly CommandRecord[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return records;
  return records.filter((record) => words.every((word) => fits(record, word)));
}

function fits(record: CommandRecord, word: string): boolean {
  const { name, code, responseName = "", responseCode, origin, locality } = record;
  if (word === FAILED_WORD) return responseCode !== undefined && responseCode !== 0;
  const where = word.match(/^(?:loc|locality)[:=](\d)$/);
  if (where) return locality === Number(where[1]);
  const haystack = [name, aboutCommand(record), responseName, origin, hexNumber(code)];
  return haystack.some((part) => part.toLowerCase().includes(word));
}
