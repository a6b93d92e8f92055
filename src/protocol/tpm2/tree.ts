/**
 * What decoding gives: a tree of fields in the order of the bytes. Leaves (fields without `children`) cover every
 * byte of the message exactly once. Trees refer to their definitions and so cannot be posted between threads: send
 * the bytes and decode there, or {@link toJson}.
 */
import { toHex } from "../bytes/hex.ts";
import type { Definition } from "./schema.ts";

/** A named bit, or run of bits, of an attributes leaf. */
export interface BitField {
  name: string;
  low: number;
  high: number;
  value: number;
  /** What this bit means when set. */
  meaning: string;
  text: string;
}

export interface Field {
  /** The specification's name of the field, e.g. "inPublic"; items of lists are "[0]", "[1]". */
  name: string;
  /** The specification's name of the type, e.g. "TPM2B_PUBLIC". */
  type: string;
  /** Offset in the message, in bytes. */
  offset: number;
  /** Bytes. 0 for what is empty or missing. */
  length: number;
  /** Leaves: the number or the bytes (a view of the message). */
  value?: number | bigint | Uint8Array;
  /** For people: a name, a number, hex. Long bytes are cut with "…". */
  text: string;
  /** One line on what the field is for. */
  meaning: string;
  children?: Field[];
  /** Attributes: the named bits. */
  bits?: BitField[];
  /** Something worth knowing that is no fault, e.g. that the bytes are encrypted. */
  note?: string;
  /** What is wrong with these bytes. */
  error?: string;
  /** The row of the tables that was used; undefined for bytes that no table describes. */
  definition?: Definition;
}

/** The leaves in the order of their bytes. */
export function leaves(fields: readonly Field[]): Field[] {
  const found: Field[] = [];
  const visit = (field: Field): void => {
    if (field.children) field.children.forEach(visit);
    else found.push(field);
  };
  fields.forEach(visit);
  return found;
}

/** The first field at a path of names, e.g. `find(fields, "parameters", "inPublic", "publicArea", "type")`. */
export function find(fields: readonly Field[] | undefined, ...path: readonly string[]): Field | undefined {
  let level = fields;
  let found: Field | undefined;
  for (const name of path) {
    found = level?.find((field) => field.name === name);
    level = found?.children;
  }
  return found;
}

/** Fields that carry an error, in the order of their bytes. */
export function errors(fields: readonly Field[]): Field[] {
  return fields.flatMap((field) => [...(field.error ? [field] : []), ...errors(field.children ?? [])]);
}

/** The chain of fields, outermost first, down to the leaf that holds the byte at `offset`. */
export function pathAt(fields: readonly Field[], offset: number): Field[] {
  const field = fields.find((entry) => offset >= entry.offset && offset < entry.offset + entry.length);
  return field ? [field, ...pathAt(field.children ?? [], offset)] : [];
}

/** A field as plain JSON: bytes as hex, 64-bit numbers as decimal text. */
export type JsonField = { [key: string]: string | number | JsonField[] | Record<string, number> };

/** The tree as plain data for export. */
export function toJson(field: Field): JsonField {
  const { name, type, offset, length, text, value, children, bits, note, error } = field;
  return {
    name,
    type,
    offset,
    length,
    text,
    ...(value === undefined ? {} : { value: plain(value) }),
    ...(bits ? { bits: Object.fromEntries(bits.map((entry) => [entry.name, entry.value])) } : {}),
    ...(note === undefined ? {} : { note }),
    ...(error === undefined ? {} : { error }),
    ...(children ? { fields: children.map(toJson) } : {}),
  };
}

function plain(value: number | bigint | Uint8Array): number | string {
  if (typeof value === "bigint") return value.toString();
  return typeof value === "number" ? value : toHex(value);
}
