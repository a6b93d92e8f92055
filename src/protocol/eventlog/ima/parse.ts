/**
 * Reads Linux's IMA lists, binary and ASCII. Nothing here throws at a list's content. Time and memory grow with the
 * list's size, up to ../limits.ts.
 */
import { fromHex } from "../../bytes/hex.ts";
import { ByteReader, ShortInputError } from "../../bytes/reader.ts";
import { addProblem, LIMITS, type Progress, tick, withinLimit } from "../limits.ts";
import { latin1, utf8Bytes } from "../text.ts";
import { DIGEST_SIZES, nameAlgorithm } from "./algorithm.ts";
import { fieldFromText, makeEntry } from "./entry.ts";
import { type ImaEntry, type ImaField, type ImaList, OLD_TEMPLATE, templateFields } from "./list.ts";

const SHA1 = "sha1";
const SHA1_SIZE = 20;
/** Longer names of templates than this are none. */
const MOST_TEMPLATE_NAME = 255;
/** A template's name, or its format: identifiers of fields with `|` between them. */
const TEMPLATE_NAME = /^[\w|.-]+$/;
const LINE = /^\s*(\d+) ((?:[0-9a-f]{2})+) (\S+)(?: (.*))?$/;
/** Characters of a line that a message quotes. */
const SHOWN_LINE = 80;
/** Entries that are tried with each size of a digest: the first would do, but for chance. */
const TRIED_ENTRIES = 4;

/**
 * Reads `binary_runtime_measurements` of a little-endian machine, or the list of another bank than SHA-1. The list
 * does not say how long its digests are: it is the size with which its beginning can be read.
 * @param progress told the bytes read, of all.
 */
export function parseImaBinary(bytes: Uint8Array, progress?: Progress): ImaList {
  const list: ImaList = { entries: [], problems: [] };
  const reader = new ByteReader(new Uint8Array(withinLimit(bytes, list.problems)));
  const size = templateDigestSize(reader.bytes) ?? SHA1_SIZE;
  while (reader.left) {
    const { offset } = reader;
    const index = list.entries.length;
    if (atLimit(list, offset)) break;
    tick(progress, index, offset, reader.bytes.length);
    try {
      list.entries.push(readEntry(reader, index, size));
    } catch (error) {
      if (!(error instanceof ShortInputError)) throw error;
      list.problems.push({ offset, message: `the list is cut off or broken in entry ${index}` });
      break;
    }
  }
  nameAlgorithm(list.entries);
  progress?.(reader.bytes.length, reader.bytes.length);
  return list;
}

function atLimit(list: ImaList, offset: number): boolean {
  if (list.entries.length < LIMITS.entries) return false;
  const message = `the list has more than ${LIMITS.entries} entries; the others are not read`;
  list.problems.push({ offset, message });
  return true;
}

/** The size of digest with which most of the first entries make sense; undefined when there is none. */
function templateDigestSize(bytes: Uint8Array): number | undefined {
  let best: { size: number; entries: number } | undefined;
  for (const size of DIGEST_SIZES) {
    const entries = countEntries(new ByteReader(bytes), size);
    if (entries > (best?.entries ?? 0)) best = { size, entries };
  }
  return best?.size;
}

function countEntries(reader: ByteReader, size: number): number {
  let count = 0;
  try {
    while (reader.left && count < TRIED_ENTRIES) {
      if (!TEMPLATE_NAME.test(readEntry(reader, count, size).template)) break;
      count++;
    }
  } catch (error) {
    if (!(error instanceof ShortInputError)) throw error;
  }
  return count;
}

function readEntry(reader: ByteReader, index: number, size: number): ImaEntry {
  const offset = reader.offset;
  const pcr = reader.u32le();
  const templateDigest = reader.take(size);
  const nameLength = reader.u32le();
  if (nameLength > MOST_TEMPLATE_NAME) throw new ShortInputError(reader.offset, nameLength, reader.left);
  const template = latin1(reader.take(nameLength));
  const fields = template === OLD_TEMPLATE ? oldFields(reader) : newFields(template, reader);
  return makeEntry({ index, offset, pcr, algorithm: SHA1, templateDigest, template, fields });
}

/** The oldest template: a digest, then the name with its length. */
function oldFields(reader: ByteReader): ImaField[] {
  const digest = { id: "d", data: reader.take(SHA1_SIZE) };
  return [digest, { id: "n", data: reader.take(reader.u32le()) }];
}

/** All others: the length of it all, then each field with its length. Fields that do not fill it are not understood. */
function newFields(template: string, reader: ByteReader): ImaField[] {
  const data = new ByteReader(reader.take(reader.u32le()));
  const ids = templateFields(template) ?? [];
  try {
    const fields = ids.map((id) => ({ id, data: data.take(data.u32le()) }));
    return data.left ? [] : fields;
  } catch (error) {
    if (error instanceof ShortInputError) return [];
    throw error;
  }
}

/**
 * Reads `ascii_runtime_measurements`, as text or as the file's bytes.
 * @param progress told the bytes read, of all.
 */
export function parseImaAscii(text: string | Uint8Array, progress?: Progress): ImaList {
  const list: ImaList = { entries: [], problems: [] };
  // One character per byte: names are bytes, and hashed as such.
  const bytes = withinLimit(typeof text === "string" ? utf8Bytes(text) : text, list.problems);
  let size = SHA1_SIZE;
  let end: number;
  for (let offset = 0, count = 0; offset < bytes.length; offset = end + 1, count++) {
    tick(progress, count, offset, bytes.length);
    end = bytes.indexOf(0x0a, offset);
    if (end < 0) end = bytes.length;
    const line = latin1(bytes.subarray(offset, end)).replace(/\r$/, "");
    if (!line.trim()) continue;
    if (atLimit(list, offset)) break;
    const entry = readLine(line, list.entries.length, offset);
    if (entry && !list.entries.length) size = entry.templateDigest.length;
    if (entry?.templateDigest.length === size) list.entries.push(entry);
    else addProblem(list.problems, offset, `this is no entry of the list: ${line.slice(0, SHOWN_LINE)}`);
  }
  nameAlgorithm(list.entries);
  progress?.(bytes.length, bytes.length);
  return list;
}

function readLine(line: string, index: number, offset: number): ImaEntry | undefined {
  const match = LINE.exec(line);
  if (!match) return undefined;
  const [, pcr, digest, template, rest = ""] = match as unknown as [string, string, string, string, string?];
  const templateDigest = fromHex(digest);
  if (!DIGEST_SIZES.includes(templateDigest.length)) return undefined;
  const fields = lineFields(template, rest);
  return (
    fields &&
    makeEntry({ index, offset, pcr: Number(pcr), algorithm: SHA1, templateDigest, template, fields })
  );
}

/** Fields stand between single spaces, an empty one leaving nothing there; the kernel has no spaces inside them. */
function lineFields(template: string, rest: string): ImaField[] | undefined {
  const ids = templateFields(template);
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

/** The longest beginning of an ASCII entry up to its template: a PCR, a digest of 64 bytes, spaces. */
const LINE_START = 160;
const ASCII_START = /^\s*\d+ [0-9a-f]{40,128} /;

/** Reads either form: the ASCII one begins with a PCR number in digits. */
export function parseImaList(bytes: Uint8Array, progress?: Progress): ImaList {
  return isAscii(bytes) ? parseImaAscii(bytes, progress) : parseImaBinary(bytes, progress);
}

/** Whether the bytes begin as an IMA list does, of either form; looks at the first entries only. */
export function isImaList(bytes: Uint8Array): boolean {
  return isAscii(bytes) || templateDigestSize(bytes) !== undefined;
}

function isAscii(bytes: Uint8Array): boolean {
  return ASCII_START.test(latin1(bytes.subarray(0, LINE_START)));
}
