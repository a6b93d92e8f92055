/** Strings of the log as `tpm2_eventlog` 5.4 writes them; "binary" text, one character per byte. */
import { latin1, utf8Bytes, utf16 } from "./text.ts";

/** `tpm2_eventlog --eventlog-version`. */
export type YamlVersion = 1 | 2;

const upToZero = (text: string) => text.split("\0", 1)[0] as string;

/** C's `%.*s`: up to the first zero byte. */
export function cText(bytes: Uint8Array): string {
  return upToZero(latin1(bytes));
}

/** UTF-16 up to its first zero, as the bytes of its UTF-8 form. */
export function wideText(bytes: Uint8Array): string {
  return latin1(utf8Bytes(upToZero(utf16(bytes))));
}

/** Other characters, and double quotes too, it writes as they are. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["\0", "\\0"],
  ["\x07", "\\a"],
  ["\b", "\\b"],
  ["\t", "\\t"],
  ["\v", "\\v"],
  ["\f", "\\f"],
  ["\r", "\\r"],
  ["\x1b", "\\e"],
  ["\\", "\\\\"],
  ["'", "\\'"],
]);

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are among what is escaped.
const ESCAPED = /[\0\x07-\x09\x0b-\x0d\x1b\\']/g;

/** Boot loaders' texts: a quoted line for each line. */
export function quotedLines(bytes: Uint8Array): string[] {
  const lines = latin1(bytes).replace(/\n$/, "").split("\n");
  return lines.map(
    (line) => `"${line.replace(ESCAPED, (character) => ESCAPES.get(character) ?? character)}"`,
  );
}
