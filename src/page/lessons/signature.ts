/** Checks ECDSA signatures with WebCrypto: the page as verifier, with nothing but a public key. */

import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { own } from "../../protocol/bytes/own.ts";
import type { Notes } from "./lesson.ts";
import { bytesOf, type SeenCommand } from "./seen.ts";

/** Bytes of a P-256 coordinate. */
const SIZE = 32;

/** The public point of the key that a command has made, as hex; undefined when it is no key on P-256. */
export function publicKey(command: SeenCommand): string | undefined {
  const area = ["parameters", "outPublic", "publicArea"];
  if (command.answered(...area, "parameters", "curveID")?.text !== "TPM_ECC_NIST_P256") return undefined;
  const x = bytesOf(command.answered(...area, "unique", "x", "buffer"));
  const y = bytesOf(command.answered(...area, "unique", "y", "buffer"));
  return x && y && `04${toHex(padded(x))}${toHex(padded(y))}`;
}

/** The signature in a response as WebCrypto wants it: r and s, one after the other. */
export function signatureOf(command: SeenCommand): Uint8Array<ArrayBuffer> | undefined {
  const path = ["parameters", "signature", "signature"];
  const r = bytesOf(command.answered(...path, "signatureR", "buffer"));
  const s = bytesOf(command.answered(...path, "signatureS", "buffer"));
  return r && s && Uint8Array.from([...padded(r), ...padded(s)]);
}

function padded(number: Uint8Array): Uint8Array {
  const whole = new Uint8Array(SIZE);
  whole.set(number.subarray(-SIZE), Math.max(0, SIZE - number.length));
  return whole;
}

/** Whether `signature` (r ‖ s) is the key's own over the SHA-256 of `message`. @param key the point, as hex. */
export async function isSignedBy(key: string, signature: Uint8Array, message: Uint8Array): Promise<boolean> {
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const imported = await crypto.subtle.importKey("raw", fromHex(key), algorithm, false, ["verify"]);
  return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, imported, copy(signature), copy(message));
}

const copy = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => Uint8Array.from(bytes);

/** A note that an earlier step must have left. @throws {Error} saying so. */
export function required(notes: Notes, name: string): string {
  const note = own(notes, name);
  if (note === undefined) throw new Error("an earlier step of this lesson is still missing");
  return note;
}
