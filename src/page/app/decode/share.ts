/** What is in the decoder, as a link: packed into the part of the address that never leaves the browser. */
import { fromBase64Url, toBase64Url } from "../../../machine/base64.ts";
import { LIMIT_TEXT, MOST_LINK } from "../../model/decoder.ts";

/** The link's content cannot be had. */
export class SharedError extends Error {
  override readonly name = "SharedError";
}

/** Bytes that a link may unpack to. */
const MOST_UNPACKED = 16 * 2 ** 20;

/** @returns the fragment, without `#`; undefined where it would be longer than links may be. */
export async function toFragment(content: Blob): Promise<string | undefined> {
  if (content.size > MOST_UNPACKED) return undefined;
  const stream = content.stream().pipeThrough(new CompressionStream("gzip"));
  const packed = new Uint8Array(await new Response(stream).arrayBuffer());
  if (packed.length > MOST_LINK) return undefined;
  return `d=${toBase64Url(packed)}`;
}

/** @returns undefined for a fragment that holds nothing for the decoder. @throws {SharedError} in words. */
export async function fromFragment(fragment: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const text = new URLSearchParams(fragment.replace(/^#/, "")).get("d");
  if (text === null) return undefined;
  if (text.length > 2 * MOST_LINK) throw new SharedError(LIMIT_TEXT);
  try {
    return await unpacked(fromBase64Url(text));
  } catch (cause) {
    throw new SharedError("the link was cut, or holds something else", { cause });
  }
}

/** @throws {SharedError} for what unpacks to too much, {TypeError} for what cannot be unpacked. */
async function unpacked(packed: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    size += part.value.length;
    if (size > MOST_UNPACKED) throw new SharedError("it unpacks to more than 16 MiB");
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
