/**
 * Writes values by the definitions of {@link ./schema.ts}: the mirror of {@link ./decode-type.ts}, for composing
 * commands by hand. Sizes and counts are filled in; what is left out becomes zero, empty or TPM_ALG_NULL.
 */

import { fromHex } from "../bytes/hex.ts";
import { own } from "../bytes/own.ts";
import { ByteWriter } from "../bytes/writer.ts";
import type {
  AlternativesDefinition,
  AttributesDefinition,
  BufferDefinition,
  Definition,
  FieldSpec,
  StructDefinition,
} from "./schema.ts";
import type { Field } from "./tree.ts";

/**
 * A value to encode. Numbers may be given by name ("TPM_ALG_SHA256" or "SHA256"), as decimal or 0x text; attributes
 * as names joined by `|`; bytes as hex text, or as characters in double quotes; PCR maps as "0-7,16" or a list of
 * numbers; structures as records, lists as arrays; an empty TPM2B of a structure as null.
 */
export type Value =
  | number
  | bigint
  | string
  | boolean
  | Uint8Array
  | null
  | undefined
  | readonly Value[]
  | { readonly [field: string]: Value };

/** A value that does not fit its definition. The message begins with the path of the field. */
export class EncodeError extends Error {
  override readonly name = "EncodeError";
  constructor(
    /** E.g. "inPublic.publicArea.type". */
    readonly path: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(`${path}: ${problem}`, options);
  }
}

const TPM_ALG_NULL = 0x0010;
/** Bytes of a PCR bit map for 24 PCRs. */
const PCR_SELECT_SIZE = 3;

/** Writes `values` by `specs`. @throws {EncodeError} */
export function encodeFields(
  specs: readonly FieldSpec[],
  values: { readonly [field: string]: Value },
  writer: ByteWriter,
  path = "",
): void {
  const unknown = Object.keys(values).find((name) => !specs.some((spec) => spec.name === name));
  if (unknown) throw new EncodeError(join(path, unknown), `no such field; there are ${names(specs)}`);
  for (const spec of specs) {
    const at = join(path, spec.name);
    const type = spec.type.kind === "union" ? chosenCase(spec, specs, values, at) : spec.type;
    if (type) encodeValue(type, own(values, spec.name), writer, at);
  }
}

/** Writes one value. @throws {EncodeError} */
function encodeValue(type: Definition, value: Value, writer: ByteWriter, path: string): void {
  switch (type.kind) {
    case "uint":
    case "constant":
    case "attributes":
      writeNumber(writer, type.size, numberOf(type, value, path), path);
      break;
    case "bytes":
      writer.bytes(fixedLength(type.length, value, path));
      break;
    case "buffer":
      writeCounted(writer, type.sizeBytes, bufferBytes(type, value, path), path);
      break;
    case "sized":
      writeCounted(writer, type.sizeBytes, sizedBytes(type.content, value, path), path);
      break;
    case "list":
      encodeList(type.item, type.countBytes, value, writer, path);
      break;
    case "struct":
      encodeFields(type.fields, recordOf(value, path), writer, path);
      break;
    case "alternatives":
      encodeAlternatives(type, value, writer, path);
      break;
    case "union":
      throw new EncodeError(path, "a union has no form of its own");
  }
}

/** The value of a decoded field, in the form that encoding takes. */
export function toValue(field: Field): Value {
  const kind = field.definition?.kind;
  if (!field.children || kind === "buffer") return field.value;
  if (kind === "sized") return field.children[1] ? toValue(field.children[1]) : null;
  if (kind === "list") return field.children.slice(1).map(toValue);
  return Object.fromEntries(field.children.map((child) => [child.name, toValue(child)]));
}

function chosenCase(
  spec: FieldSpec,
  specs: readonly FieldSpec[],
  values: { readonly [field: string]: Value },
  path: string,
): Definition | null {
  if (spec.type.kind !== "union") return spec.type;
  const selector = specs.find((other) => other.name === spec.by);
  const number = selector
    ? Number(numberOf(selector.type, own(values, selector.name), join(path, "..", selector.name)))
    : -1;
  const found = spec.type.cases.get(number);
  if (found !== undefined) return found;
  if (spec.type.otherwise !== undefined) return spec.type.otherwise;
  throw new EncodeError(path, `${spec.type.name} has no form for ${spec.by} ${number}`);
}

function encodeList(
  item: Definition,
  countBytes: 2 | 4,
  value: Value,
  writer: ByteWriter,
  path: string,
): void {
  const items = value === undefined || value === null ? [] : value;
  if (!Array.isArray(items)) throw new EncodeError(path, "needs a list");
  writeNumber(writer, countBytes, BigInt(items.length), path);
  for (const [index, entry] of items.entries())
    encodeValue(item, entry as Value, writer, `${path}[${index}]`);
}

function fixedLength(length: number | "rest", value: Value, path: string): Uint8Array {
  if (length === "rest") return bytesOf(value, path);
  const bytes = value === undefined ? new Uint8Array(length) : bytesOf(value, path);
  if (bytes.length !== length) throw new EncodeError(path, `needs ${length} byte(s), got ${bytes.length}`);
  return bytes;
}

function sizedBytes(content: Definition, value: Value, path: string): Uint8Array {
  if (value === undefined || value === null || value === "") return new Uint8Array(0);
  if (value instanceof Uint8Array) return value;
  const writer = new ByteWriter();
  encodeValue(content, value, writer, path);
  return writer.finish();
}

/** Bytes go in as they are; a record goes into the first form that has all its fields. */
function encodeAlternatives(
  type: AlternativesDefinition,
  value: Value,
  writer: ByteWriter,
  path: string,
): void {
  if (value instanceof Uint8Array || typeof value === "string") {
    writer.bytes(bytesOf(value, path));
    return;
  }
  const record = recordOf(value, path);
  const form = type.options.find(
    (option): option is StructDefinition =>
      option.kind === "struct" &&
      Object.keys(record).every((name) => option.fields.some((field) => field.name === name)),
  );
  if (!form)
    throw new EncodeError(path, `no form of ${type.name} has the fields ${Object.keys(record).join(", ")}`);
  encodeFields(form.fields, record, writer, path);
}

/** The number that a value stands for. @throws {EncodeError} */
function numberOf(type: Definition, value: Value, path: string): bigint {
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") {
    return wholeNumber(value, path);
  }
  if (value === undefined || value === null || value === "") return BigInt(defaultNumber(type));
  if (type.kind === "attributes") return attributesOf(type, value, path);
  if (typeof value !== "string") throw new EncodeError(path, "needs a number or a name");
  return numeric(value) ?? namedNumber(type, value, path);
}

function wholeNumber(value: number | bigint | boolean, path: string): bigint {
  if (typeof value === "number" && !Number.isInteger(value))
    throw new EncodeError(path, `${value} is not whole`);
  return BigInt(value);
}

function defaultNumber(type: Definition): number {
  return type.kind === "constant" && /ALG|KEY_EXCHANGE/.test(type.name) && type.size === 2 ? TPM_ALG_NULL : 0;
}

function namedNumber(type: Definition, name: string, path: string): bigint {
  const wanted = name.toUpperCase();
  const rows = type.kind === "constant" ? [...type.values] : [];
  const row =
    rows.find(([, entry]) => entry.name.toUpperCase() === wanted) ??
    rows.find(([, entry]) => entry.name.toUpperCase().endsWith(`_${wanted}`));
  if (!row) throw new EncodeError(path, `'${name}' is neither a number nor a name of ${type.name}`);
  return BigInt(row[0]);
}

function attributesOf(type: AttributesDefinition, value: Value, path: string): bigint {
  const parts = typeof value === "string" ? value.split(/[|,\s]+/).filter(Boolean) : value;
  if (!Array.isArray(parts)) throw new EncodeError(path, "needs names of bits joined by |");
  let word = 0n;
  for (const part of parts) word |= bitOf(type, String(part), path);
  return word;
}

/** "sign", "0x4", "TPM_NT_COUNTER", "commandIndex=0x144". */
function bitOf(type: AttributesDefinition, text: string, path: string): bigint {
  const plain = numeric(text);
  if (plain !== undefined) return plain;
  const [name = "", given] = text.split("=");
  const wanted = name.toUpperCase();
  for (const bit of type.bits) {
    const named = Object.entries(bit.values ?? {}).find(([, entry]) => entry.toUpperCase() === wanted);
    if (named) return BigInt(named[0]) << BigInt(bit.low);
    if (bit.name.toUpperCase() === wanted) return (given ? (numeric(given) ?? 0n) : 1n) << BigInt(bit.low);
  }
  throw new EncodeError(path, `'${text}' is no bit of ${type.name}`);
}

function numeric(text: string): bigint | undefined {
  return /^(0x[0-9a-f]+|\d+)$/i.test(text.trim()) ? BigInt(text.trim()) : undefined;
}

function bufferBytes(type: BufferDefinition, value: Value, path: string): Uint8Array {
  if (type.show !== "pcrs" || value instanceof Uint8Array) return bytesOf(value, path);
  const map = new Uint8Array(PCR_SELECT_SIZE);
  for (const pcr of pcrList(value, path)) {
    if (!Number.isInteger(pcr) || pcr < 0 || pcr >= 8 * map.length)
      throw new EncodeError(path, `no PCR ${pcr}`);
    map[pcr >> 3]! |= 1 << (pcr & 7);
  }
  return map;
}

/** [0, 1], "0-7, 16", "none". */
function pcrList(value: Value, path: string): number[] {
  if (Array.isArray(value)) return value.map(Number);
  if (value === undefined || value === null || value === "" || value === "none") return [];
  return String(value)
    .split(",")
    .flatMap((part) => {
      const range = /^\s*(\d{1,3})(?:-(\d{1,3}))?\s*$/.exec(part);
      if (!range) throw new EncodeError(path, `'${part}' is no PCR or range of PCRs`);
      const first = Number(range[1]);
      return Array.from({ length: Math.max(0, Number(range[2] ?? first) - first + 1) }, (_, i) => first + i);
    });
}

function bytesOf(value: Value, path: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value === undefined || value === null) return new Uint8Array(0);
  if (typeof value !== "string") throw new EncodeError(path, "needs bytes as hex text");
  const quoted = /^"(.*)"$/s.exec(value);
  if (quoted) return new ByteWriter().ascii(quoted[1]!).finish();
  try {
    return fromHex(value);
  } catch (error) {
    throw new EncodeError(path, (error as Error).message, { cause: error });
  }
}

function recordOf(value: Value, path: string): { readonly [field: string]: Value } {
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value) || value instanceof Uint8Array) {
    throw new EncodeError(path, "needs a record of fields");
  }
  return value as { readonly [field: string]: Value };
}

function writeCounted(writer: ByteWriter, size: 1 | 2 | 4, bytes: Uint8Array, path: string): void {
  writeNumber(writer, size, BigInt(bytes.length), path);
  writer.bytes(bytes);
}

function writeNumber(writer: ByteWriter, size: 1 | 2 | 4 | 8, value: bigint, path: string): void {
  const bits = BigInt(8 * size);
  if (value < -(1n << (bits - 1n)) || value >= 1n << bits) {
    throw new EncodeError(path, `${value} does not fit in ${size} byte(s)`);
  }
  const word = BigInt.asUintN(8 * size, value);
  if (size === 1) writer.u8(Number(word));
  else if (size === 2) writer.u16be(Number(word));
  else if (size === 4) writer.u32be(Number(word));
  else writer.u64be(word);
}

function join(...parts: readonly string[]): string {
  return parts.filter(Boolean).join(".");
}

function names(specs: readonly FieldSpec[]): string {
  return specs.map((spec) => spec.name).join(", ") || "none";
}
