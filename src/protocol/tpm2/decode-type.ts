/**
 * Reads bytes by the definitions of {@link ./schema.ts} into a tree of fields. Nothing throws and no byte is lost:
 * what is cut short, unknown or left over becomes a leaf with an error. Work is bounded by the count of input bytes:
 * definitions do not recurse, and a list ends with the bytes, whatever its count says.
 */

import { viewOf } from "../bytes/view.ts";
import type {
  AlternativesDefinition,
  AttributesDefinition,
  BufferDefinition,
  ConstantDefinition,
  Definition,
  FieldSpec,
  ListDefinition,
  SizedDefinition,
  UintDefinition,
  UnionDefinition,
} from "./schema.ts";
import {
  asciiText,
  attributesText,
  bitFields,
  bytesText,
  numberText,
  pcrsText,
  valueMeaning,
} from "./text.ts";
import type { Field } from "./tree.ts";

/** Where reading stands. Reading goes up to `end`, the end of the enclosing structure whose size is known. */
export class Cursor {
  readonly view: DataView;
  pos = 0;
  end: number;
  /** Set when the rest of the enclosing structure cannot be told apart any more. */
  broken = false;

  constructor(readonly bytes: Uint8Array) {
    this.view = viewOf(bytes);
    this.end = bytes.length;
  }

  get left(): number {
    return this.end - this.pos;
  }
}

/** Reads fields one after the other until they end or cannot be told apart any more. */
export function decodeFields(specs: readonly FieldSpec[], cursor: Cursor): Field[] {
  const fields: Field[] = [];
  for (const spec of specs) {
    if (cursor.broken) break;
    const field = decodeField(spec, cursor, fields);
    if (field) fields.push(field);
  }
  return fields;
}

/**
 * Reads `specs` as the content of a structure of `length` bytes; what they leave becomes a leaf of its own.
 * The cursor then stands after the structure.
 */
export function decodeRegion(
  cursor: Cursor,
  length: number,
  read: (cursor: Cursor) => Field[],
  surplus = "surplus",
): Field[] {
  const outerEnd = cursor.end;
  const cutShort = length > cursor.left;
  cursor.end = Math.min(cursor.pos + length, outerEnd);
  const fields = read(cursor);
  if (cursor.left > 0) {
    const error = cursor.broken ? "cannot be told apart" : "more bytes than the structure has";
    fields.push(rawLeaf(cursor, surplus, cursor.left, error));
  }
  cursor.broken = cutShort;
  cursor.end = outerEnd;
  return fields;
}

/** Takes `length` bytes that no table describes. */
export function rawLeaf(cursor: Cursor, name: string, length: number, error?: string): Field {
  const value = cursor.bytes.subarray(cursor.pos, cursor.pos + length);
  const field: Field = {
    name,
    type: "BYTE[]",
    offset: cursor.pos,
    length,
    value,
    text: bytesText(value),
    meaning: "bytes that are not described",
  };
  cursor.pos += length;
  if (error !== undefined) field.error = error;
  return field;
}

/** Reads one field. `siblings` are those before it, for unions; undefined when the field is empty by definition. */
export function decodeField(spec: FieldSpec, cursor: Cursor, siblings: readonly Field[]): Field | undefined {
  const { type } = spec;
  switch (type.kind) {
    case "uint":
    case "constant":
    case "attributes":
      return decodeNumber(spec, type, cursor);
    case "bytes":
      return decodeBytes(spec, type.length === "rest" ? cursor.left : type.length, cursor);
    case "buffer":
      return decodeBuffer(spec, type, cursor);
    case "sized":
      return decodeSized(spec, type, cursor);
    case "list":
      return decodeList(spec, type, cursor);
    case "struct":
      return branch(spec, cursor.pos, decodeFields(type.fields, cursor), cursor);
    case "union":
      return decodeUnion(spec, type, cursor, siblings);
    case "alternatives":
      return decodeAlternatives(spec, type, cursor);
  }
}

type NumberDefinition = UintDefinition | ConstantDefinition | AttributesDefinition;

function decodeNumber(spec: FieldSpec, type: NumberDefinition, cursor: Cursor): Field {
  const { size } = type;
  if (cursor.left < size) return cutLeaf(spec, size, cursor);
  const value = readNumber(cursor, size);
  const field: Field = {
    name: spec.name,
    type: type.name,
    offset: cursor.pos - size,
    length: size,
    value,
    text: type.kind === "attributes" ? attributesText(type, value) : numberText(type, value),
    meaning: spec.meaning,
    definition: type,
  };
  if (type.kind === "attributes") field.bits = bitFields(type, value);
  else if (type.kind === "constant") noteValue(field, type, value as number);
  return field;
}

/** Tells what a named value stands for, or that it has no name. */
function noteValue(field: Field, type: ConstantDefinition, value: number): void {
  const meaning = valueMeaning(type, value);
  if (meaning !== undefined) field.note = meaning;
  else if (!type.describe?.(value)) field.note = `not in the table of ${type.name}`;
}

function readNumber(cursor: Cursor, size: 1 | 2 | 4 | 8): number | bigint {
  const { view, pos } = cursor;
  cursor.pos += size;
  if (size === 1) return view.getUint8(pos);
  if (size === 2) return view.getUint16(pos);
  return size === 4 ? view.getUint32(pos) : view.getBigUint64(pos);
}

function decodeBytes(spec: FieldSpec, length: number, cursor: Cursor): Field {
  if (cursor.left < length) return cutLeaf(spec, length, cursor);
  const value = cursor.bytes.subarray(cursor.pos, cursor.pos + length);
  cursor.pos += length;
  return {
    name: spec.name,
    type: spec.type.name,
    offset: cursor.pos - length,
    length,
    value,
    text: spec.type.kind === "bytes" && spec.type.show === "ascii" ? asciiText(value) : bytesText(value),
    meaning: spec.meaning,
    definition: spec.type,
  };
}

/** A number that counts bytes or items. */
function decodeCount(name: string, size: 1 | 2 | 4, meaning: string, cursor: Cursor, spec: FieldSpec): Field {
  if (cursor.left < size) return { ...cutLeaf(spec, size, cursor), name };
  const value = readNumber(cursor, size) as number;
  return {
    name,
    type: `UINT${size * 8}`,
    offset: cursor.pos - size,
    length: size,
    value,
    text: `${value}`,
    meaning,
  };
}

function decodeBuffer(spec: FieldSpec, type: BufferDefinition, cursor: Cursor): Field {
  const start = cursor.pos;
  const name = type.show === "pcrs" ? "sizeofSelect" : "size";
  const size = decodeCount(name, type.sizeBytes, "bytes that follow", cursor, spec);
  if (cursor.broken) return branch(spec, start, [size], cursor);
  const wanted = size.value as number;
  const taken = Math.min(wanted, cursor.left);
  const value = cursor.bytes.subarray(cursor.pos, cursor.pos + taken);
  const text =
    type.show === "pcrs" ? pcrsText(value) : type.show === "ascii" ? asciiText(value) : bytesText(value);
  const content: Field = {
    name: type.show === "pcrs" ? "pcrSelect" : "buffer",
    type: "BYTE[]",
    offset: cursor.pos,
    length: taken,
    value,
    text,
    meaning: type.meaning,
  };
  cursor.pos += taken;
  if (taken < wanted) {
    content.error = `cut short: ${wanted} byte(s) announced, ${taken} left`;
    cursor.broken = true;
  }
  const field = branch(spec, start, [size, content], cursor);
  field.value = value;
  field.text = text;
  return field;
}

function decodeSized(spec: FieldSpec, type: SizedDefinition, cursor: Cursor): Field {
  const start = cursor.pos;
  const size = decodeCount("size", type.sizeBytes, "bytes that follow", cursor, spec);
  if (cursor.broken) return branch(spec, start, [size], cursor);
  const wanted = size.value as number;
  if (wanted === 0) return { ...branch(spec, start, [size], cursor), text: "(empty)" };
  if (wanted > cursor.left) size.error = `${wanted} byte(s) announced, ${cursor.left} left`;
  const content: FieldSpec = { name: type.field, type: type.content, meaning: type.meaning };
  const fields = decodeRegion(cursor, wanted, (inner) => decodeFields([content], inner));
  const field = branch(spec, start, [size, ...fields], cursor);
  field.text = fields[0]?.text ?? "";
  return field;
}

function decodeList(spec: FieldSpec, type: ListDefinition, cursor: Cursor): Field {
  const start = cursor.pos;
  const count = decodeCount("count", type.countBytes, "items that follow", cursor, spec);
  const fields = [count];
  const wanted = (count.value as number | undefined) ?? 0;
  for (let index = 0; index < wanted && !cursor.broken; index++) {
    if (cursor.left === 0) {
      count.error = `${wanted} item(s) announced, ${index} there`;
      cursor.broken = true;
      break;
    }
    const item = decodeField({ name: `[${index}]`, type: type.item, meaning: type.item.meaning }, cursor, []);
    if (item) fields.push(item);
  }
  return branch(spec, start, fields, cursor);
}

function decodeUnion(
  spec: FieldSpec,
  type: UnionDefinition,
  cursor: Cursor,
  siblings: readonly Field[],
): Field | undefined {
  const selector = siblings.find((sibling) => sibling.name === spec.by)?.value;
  const found = typeof selector === "number" ? type.cases.get(selector) : undefined;
  const chosen = found === undefined ? type.otherwise : found;
  if (chosen === null) return undefined;
  if (chosen) return decodeField({ name: spec.name, type: chosen, meaning: spec.meaning }, cursor, siblings);
  cursor.broken = true;
  const field = rawLeaf(cursor, spec.name, cursor.left, `${type.name} has no form for this ${spec.by}`);
  return { ...field, type: type.name, meaning: spec.meaning };
}

function decodeAlternatives(
  spec: FieldSpec,
  type: AlternativesDefinition,
  cursor: Cursor,
): Field | undefined {
  const start = cursor.pos;
  const last = type.options.length - 1;
  for (const [index, option] of type.options.entries()) {
    const field = decodeField({ name: spec.name, type: option, meaning: spec.meaning }, cursor, []);
    if (index === last || (!cursor.broken && cursor.left === 0)) return field;
    cursor.pos = start;
    cursor.broken = false;
  }
  return undefined;
}

/** What is left where `wanted` bytes were due; nothing more can be read here. */
function cutLeaf(spec: FieldSpec, wanted: number, cursor: Cursor): Field {
  const { left } = cursor;
  const error = left
    ? `cut short: needs ${wanted} byte(s), ${left} left`
    : "missing: the bytes end before it";
  cursor.broken = true;
  return {
    ...rawLeaf(cursor, spec.name, left, error),
    type: spec.type.name,
    meaning: spec.meaning,
    ...(left ? {} : { text: "(missing)" }),
  };
}

function branch(spec: FieldSpec, start: number, children: Field[], cursor: Cursor): Field {
  return {
    name: spec.name,
    type: spec.type.name,
    offset: start,
    length: cursor.pos - start,
    text: branchText(spec.type, children),
    meaning: spec.meaning,
    children,
    definition: spec.type,
  };
}

/** One line for a structure or list: what its parts say, when that is short. */
function branchText(type: Definition, children: readonly Field[]): string {
  if (type.kind === "list") {
    const count = children.length - 1;
    const parts = children.slice(1, 9).map((child) => child.text);
    const all = parts.join("; ");
    return count <= 8 && all.length <= 120 ? all || "(none)" : `${count} items`;
  }
  if (type.kind !== "struct") return "";
  const parts: string[] = [];
  let length = 0;
  for (const child of children) {
    if (child.text === "" || child.length === 0) continue;
    length += child.text.length;
    if (length > 120) return parts.length ? `${parts.join(", ")}, …` : "";
    parts.push(child.text);
  }
  return parts.join(", ");
}
