/** Reads Linux's IMA lists, binary and ASCII. Nothing here throws at a list's content. */
import { fromHex } from "../../bytes/hex.ts";
import { ByteReader, ShortInputError } from "../../bytes/reader.ts";
import { latin1, utf8Bytes } from "../text.ts";
import { fieldFromText, makeEntry } from "./entry.ts";
import { IMA_TEMPLATES, type ImaEntry, type ImaField, type ImaList, OLD_TEMPLATE } from "./list.ts";

const SHA1_SIZE = 20;
/** Longer names of templates than this are none. */
const MOST_TEMPLATE_NAME = 255;
const LINE = /^\s*(\d+) ([0-9a-f]{40}) (\S+)(?: (.*))?$/;

/** Reads `binary_runtime_measurements` of a little-endian machine. */
export function parseImaBinary(bytes: Uint8Array): ImaList {
  const list: ImaList = { entries: [], problems: [] };
  const reader = new ByteReader(new Uint8Array(bytes));
  while (reader.left) {
    const offset = reader.offset;
    try {
      list.entries.push(readEntry(reader, list.entries.length));
    } catch (error) {
      if (!(error instanceof ShortInputError)) throw error;
      const message = `the list is cut off or broken in entry ${list.entries.length}`;
      list.problems.push({ offset, message });
      break;
    }
  }
  return list;
}

function readEntry(reader: ByteReader, index: number): ImaEntry {
  const offset = reader.offset;
  const pcr = reader.u32le();
  const templateDigest = reader.take(SHA1_SIZE);
  const nameLength = reader.u32le();
  if (nameLength > MOST_TEMPLATE_NAME) throw new ShortInputError(reader.offset, nameLength, reader.left);
  const template = latin1(reader.take(nameLength));
  const fields = template === OLD_TEMPLATE ? oldFields(reader) : newFields(template, reader);
  return makeEntry({ index, offset, pcr, templateDigest, template, fields });
}

/** The oldest template: a digest, then the name with its length. */
function oldFields(reader: ByteReader): ImaField[] {
  const digest = { id: "d", data: reader.take(SHA1_SIZE) };
  return [digest, { id: "n", data: reader.take(reader.u32le()) }];
}

/** All others: the length of it all, then each field with its length. Fields that do not fill it are not understood. */
function newFields(template: string, reader: ByteReader): ImaField[] {
  const data = new ByteReader(reader.take(reader.u32le()));
  const ids = IMA_TEMPLATES[template] ?? [];
  try {
    const fields = ids.map((id) => ({ id, data: data.take(data.u32le()) }));
    return data.left ? [] : fields;
  } catch (error) {
    if (error instanceof ShortInputError) return [];
    throw error;
  }
}

/** Reads `ascii_runtime_measurements`, as text or as the file's bytes. */
export function parseImaAscii(text: string | Uint8Array): ImaList {
  // One character per byte: names are bytes, and hashed as such.
  const all = latin1(typeof text === "string" ? utf8Bytes(text) : text);
  const list: ImaList = { entries: [], problems: [] };
  let offset = 0;
  for (const line of all.split("\n")) {
    if (line.trim()) {
      const entry = readLine(line.replace(/\r$/, ""), list.entries.length, offset);
      if (entry) list.entries.push(entry);
      else list.problems.push({ offset, message: `this is no entry of the list: ${line.slice(0, 80)}` });
    }
    offset += line.length + 1;
  }
  return list;
}

function readLine(line: string, index: number, offset: number): ImaEntry | undefined {
  const match = LINE.exec(line);
  if (!match) return undefined;
  const [, pcr, digest, template, rest = ""] = match as unknown as [string, string, string, string, string?];
  const fields = lineFields(template, rest);
  return (
    fields &&
    makeEntry({ index, offset, pcr: Number(pcr), templateDigest: fromHex(digest), template, fields })
  );
}

/** Fields stand between single spaces, an empty one leaving nothing there; the kernel has no spaces inside them. */
function lineFields(template: string, rest: string): ImaField[] | undefined {
  const ids = IMA_TEMPLATES[template];
  if (!ids) return [];
  const texts = rest.split(" ");
  if (texts.length > ids.length) return undefined;
  try {
    return ids.map((id, i) => ({ id, data: fieldFromText(id, texts[i] ?? "", fromHex) }));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Reads either form: the ASCII one begins with a PCR number in digits. */
export function parseImaList(bytes: Uint8Array): ImaList {
  const start = latin1(bytes.subarray(0, 48));
  return /^\s*\d+ [0-9a-f]{40} /.test(start) ? parseImaAscii(bytes) : parseImaBinary(bytes);
}
