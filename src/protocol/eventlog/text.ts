/** Event data as text: most events carry a string, in ASCII, UTF-8 or UTF-16, with or without a closing zero. */
import { toHex } from "../bytes/hex.ts";
import { LIMITS } from "./limits.ts";

/** Bytes of hex shown of data that is no text. */
const SHOWN_BYTES = 32;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what tells binary data from text.
const CONTROL = /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]/;

/** Characters that are made at a time: a call bears only so many arguments. */
const CHUNK = 4096;

/** One character per byte. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return text;
}

/** The bytes of a text that has one character per byte. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
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

/** The text in the bytes, without the zeros that close or fill it; undefined when they are no text. */
export function asText(bytes: Uint8Array): string | undefined {
  const narrow = withoutZeros(bytes);
  // Zeros alone are a number or filling, not an empty text.
  if (!narrow.length) return bytes.length ? undefined : "";
  return readable(utf8(narrow)) ?? (bytes.length >= 4 && bytes.length % 2 === 0 ? wide(bytes) : undefined);
}

/** UTF-16 only when most of it is Latin script: any two bytes are some character. */
function wide(bytes: Uint8Array): string | undefined {
  const text = readable(utf16(bytes));
  const latin = text?.match(/[\x20-\u024f]/g)?.length ?? 0;
  return text && 2 * latin > text.length ? text : undefined;
}

function readable(text: string | undefined): string | undefined {
  return text?.isWellFormed() && !CONTROL.test(text) ? text : undefined;
}

/** Without one closing zero byte, if there is one. */
export function withoutZero(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
}

/** Without the zeros at the end. */
export function withoutZeros(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end && !bytes[end - 1]) end--;
  return bytes.subarray(0, end);
}

/** Text in quotes, or the beginning of the bytes in hex; of what is longer than can be shown, with its length. */
export function show(bytes: Uint8Array): string {
  if (!bytes.length) return "no data";
  const text = asText(beginning(bytes));
  const cut = `… (${bytes.length} bytes)`;
  if (text !== undefined) return `"${text.replaceAll("\n", "\\n")}"${bytes.length > LIMITS.text ? cut : ""}`;
  const hex = toHex(bytes.subarray(0, SHOWN_BYTES));
  return bytes.length > SHOWN_BYTES ? `${hex}${cut}` : hex;
}

/** As much of a text as is shown, cut between two characters. */
function beginning(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= LIMITS.text) return bytes;
  let end: number = LIMITS.text;
  while (end > LIMITS.text - 4 && isContinuation(bytes[end])) end--;
  return bytes.subarray(0, end);
}

/** Whether it is a byte inside a character of UTF-8. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
