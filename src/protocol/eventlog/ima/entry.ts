/** From the fields of an entry to what they say, and to the bytes that were hashed. */
import { ByteWriter } from "../../bytes/writer.ts";
import { bytesOf, latin1, utf8 } from "../text.ts";
import { type ImaDigest, type ImaEntry, type ImaField, OLD_TEMPLATE } from "./list.ts";

/** In the oldest template a name is hashed with zeros up to this length. */
const OLD_NAME_SIZE = 256;
const SHA1_SIZE = 20;

/** What an entry has before its fields are understood. */
export type RawEntry = Omit<ImaEntry, "violation" | "name" | "file">;

export function makeEntry(raw: RawEntry): ImaEntry {
  const digest = raw.fields.find(({ id }) => id === "d" || id.startsWith("d-ng"));
  const name = raw.fields.find(({ id }) => id === "n" || id === "n-ng");
  const file = digest && fileDigest(digest);
  return {
    ...raw,
    violation: raw.templateDigest.every((byte) => byte === 0),
    name: name ? textOf(name.data) : "",
    ...(file && { file }),
  };
}

/**
 * The bytes that the kernel hashes for the entry, or undefined for a template that is not known.
 * Each field with its length in front; the oldest template has none.
 */
export function templateData({ template, fields }: ImaEntry): Uint8Array | undefined {
  if (!fields.length) return undefined;
  const data = new ByteWriter();
  for (const field of fields) {
    if (template !== OLD_TEMPLATE) data.u32le(field.data.length).bytes(field.data);
    else data.bytes(field.data).zeros(field.id === "n" ? Math.max(0, OLD_NAME_SIZE - field.data.length) : 0);
  }
  return data.finish();
}

function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = end < 0 ? bytes : bytes.subarray(0, end);
  return utf8(text) ?? latin1(text);
}

/** `d` is a bare SHA-1 digest; others begin with the algorithm's name: "sha256:" or "verity:sha256:", then a zero. */
function fileDigest({ id, data }: ImaField): ImaDigest | undefined {
  if (id === "d") return { algorithm: "sha1", digest: data };
  const end = data.indexOf(0);
  if (end < 0) return data.length === SHA1_SIZE ? { algorithm: "sha1", digest: data } : undefined;
  const algorithm = latin1(data.subarray(0, end)).replace(/:$/, "").split(":").at(-1) as string;
  return { algorithm, digest: data.subarray(end + 1) };
}

/** The data of a field from its form in the ASCII list. @throws {SyntaxError} for what has not that form. */
export function fieldFromText(id: string, text: string, parseHex: (text: string) => Uint8Array): Uint8Array {
  if (id === "n") return bytesOf(text);
  if (id === "n-ng") return bytesOf(`${text}\0`);
  const colon = id.startsWith("d-") ? text.lastIndexOf(":") : -1;
  if (colon < 0) return parseHex(text);
  const digest = parseHex(text.slice(colon + 1));
  return new ByteWriter()
    .ascii(`${text.slice(0, colon + 1)}\0`)
    .bytes(digest)
    .finish();
}
