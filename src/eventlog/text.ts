/** Event data as text: most events carry a string, in ASCII, UTF-8 or UTF-16, with or without a closing zero. */
import { toHex } from "../bytes/hex.ts";

/** Bytes of hex shown of data that is no text. */
const SHOWN_BYTES = 32;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary data from text.
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

/** One character per byte. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The bytes of a text that has one character per byte. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A text's UTF-8 bytes; lone surrogates become U+FFFD. */
export function utf8Bytes(text: string): Uint8Array {
  const encoded = encodeURIComponent(text.toWellFormed());
  return bytesOf(
    encoded.replace(/%(..)/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
  );
}

/** UTF-8 text, or undefined when the bytes are not well-formed. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return decodeURIComponent(toHex(bytes).replace(/../g, "%$&"));
  } catch {
    return undefined;
  }
}

/** UTF-16, little-endian, without its closing zeros; an odd last byte is left out. */
export function utf16(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    text += String.fromCharCode((bytes[i] as number) | ((bytes[i + 1] as number) << 8));
  }
  return text.replace(/\0+$/, "");
}

/** The text in the bytes, without its closing zero; undefined when they are no text. */
export function asText(bytes: Uint8Array): string | undefined {
  const narrow = withoutZero(bytes);
  return readable(utf8(narrow)) ?? (bytes.length >= 4 && bytes.length % 2 === 0 ? wide(bytes) : undefined);
}

/** UTF-16 only when it looks like Latin script: any two bytes are some character. */
function wide(bytes: Uint8Array): string | undefined {
  const text = readable(utf16(bytes));
  return text && /[\x20-\x7e]/.test(text) ? text : undefined;
}

function readable(text: string | undefined): string | undefined {
  return text?.isWellFormed() && !CONTROL.test(text) ? text : undefined;
}

/** Without one closing zero byte, if there is one. */
export function withoutZero(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
}

/** Text in quotes, or the beginning of the bytes in hex with their count. */
export function show(bytes: Uint8Array): string {
  if (!bytes.length) return "no data";
  const text = asText(bytes);
  if (text !== undefined) return `"${text.replaceAll("\n", "\\n")}"`;
  const hex = toHex(bytes.subarray(0, SHOWN_BYTES));
  return bytes.length > SHOWN_BYTES ? `${hex}… (${bytes.length} bytes)` : hex;
}
