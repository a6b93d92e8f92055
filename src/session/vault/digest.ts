/** SHA-256, by the browser where it offers it. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../../protocol/bytes/hex.ts";

/** In hex. WebCrypto works on secure pages only (https, localhost); elsewhere the same in JavaScript, slower. */
export async function sha256Hex(bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) return toHex(sha256(bytes));
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)));
}
