/** Hexadecimal text for bytes and numbers: the forms people type, and the forms the page and the logs show. */

/** The two digits of each byte. */
const DIGITS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hex without separators. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += DIGITS[byte];
  return text;
}

/**
 * Parses hex as people type it: white space, `:`, `-`, `,`, `_` and `0x` are separators.
 * @throws {SyntaxError} naming the first wrong character, or an odd count of digits.
 */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/0x/gi, " ").replace(/[\s:,_-]/g, "");
  const wrong = /[^0-9a-f]/i.exec(digits);
  if (wrong) throw new SyntaxError(`'${wrong[0]}' is not a hexadecimal digit`);
  if (digits.length % 2) throw new SyntaxError(`hex needs an even number of digits, got ${digits.length}`);
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  );
}

/** `0x` and at least `digits` upper-case hex digits of an unsigned 32-bit number. */
export function hexNumber(value: number, digits = 8): string {
  return `0x${(value >>> 0).toString(16).toUpperCase().padStart(digits, "0")}`;
}

/** Bytes equal in length and content. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
