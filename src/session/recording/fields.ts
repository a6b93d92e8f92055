/** Times and bytes as a recording's file has them. */
import * as v from "valibot";
import { RECORDING } from "../reading/limits.ts";
import { milliseconds } from "../reading/numbers.ts";

/** A time is kept to the microsecond. */
export const round = (time: number) => Math.round(time * 1000) / 1000;

/** Since the machine's start. */
export const time = milliseconds(RECORDING.duration);

/** Bytes in lower-case hex. */
export const hex = (most: number = RECORDING.text) =>
  v.pipe(
    v.string(),
    v.maxLength(2 * most, `must be at most ${most.toLocaleString("en")} bytes`),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const bytes = bytesOf(dataset.value);
      if (bytes) return bytes;
      addIssue({ message: "must be bytes in hex" });
      return NEVER;
    }),
  );

/** `fromHex` takes what people type; this one takes megabytes. */
function bytesOf(text: string): Uint8Array | undefined {
  if (text.length % 2) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    const high = digit(text.charCodeAt(2 * i));
    const low = digit(text.charCodeAt(2 * i + 1));
    if (high < 0 || low < 0) return undefined;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}
