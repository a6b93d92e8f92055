/**
 * The language in which the tables of this folder describe bytes. A definition says how a value lies in a message
 * (all numbers big-endian) and what it means; {@link ./decode-type.ts} reads it and {@link ./encode-type.ts} writes it.
 * Tables refer to each other by identifier, so the compiler finds a reference to a structure that does not exist.
 */

interface Common {
  /** The specification's name, e.g. "TPMT_PUBLIC". */
  readonly name: string;
  /** One line for people. */
  readonly meaning: string;
  /** Where the specification defines it, e.g. "Part 2, 12.2". */
  readonly spec?: string;
}

/** A number. */
export interface UintDefinition extends Common {
  readonly kind: "uint";
  readonly size: 1 | 2 | 4 | 8;
  /** How people see it; a function turns the number into words. */
  readonly show: "decimal" | "hex" | ((value: number) => string);
}

/** A number with named values. */
export interface ConstantDefinition extends Common {
  readonly kind: "constant";
  readonly size: 1 | 2 | 4;
  readonly values: ReadonlyMap<number, { readonly name: string; readonly meaning: string }>;
  /** Name of a value that is not in the table, e.g. a handle; undefined when it has none. */
  readonly describe?: (value: number) => string | undefined;
}

/** One bit, or a run of bits, of an attributes word. */
export interface BitSpec {
  readonly name: string;
  /** Lowest bit, and highest for a run. */
  readonly low: number;
  readonly high: number;
  readonly meaning: string;
  /** Names for the values of a run. */
  readonly values?: Readonly<Record<number, string>>;
}

/** A word of named bits (TPMA_*). */
export interface AttributesDefinition extends Common {
  readonly kind: "attributes";
  readonly size: 1 | 2 | 4 | 8;
  readonly bits: readonly BitSpec[];
  /** Text in place of the list of set bits. */
  readonly describe?: (value: number) => string;
}

/** Bytes of a fixed count, or all that are left in the enclosing structure. */
export interface BytesDefinition extends Common {
  readonly kind: "bytes";
  readonly length: number | "rest";
  readonly show: "hex" | "ascii";
}

/** A count of bytes and the bytes (TPM2B_*). */
export interface BufferDefinition extends Common {
  readonly kind: "buffer";
  readonly sizeBytes: 1 | 2 | 4;
  readonly show: "hex" | "ascii" | "pcrs";
}

/** A count of bytes and a structure of that size (TPM2B_PUBLIC); a count of 0 stands for "none". */
export interface SizedDefinition extends Common {
  readonly kind: "sized";
  readonly sizeBytes: 2 | 4;
  /** The specification's name of the structure's field, e.g. "publicArea". */
  readonly field: string;
  readonly content: Definition;
}

/** A count and that many items (TPML_*). */
export interface ListDefinition extends Common {
  readonly kind: "list";
  readonly countBytes: 2 | 4;
  readonly item: Definition;
}

/** Fields one after the other (TPMS_*, TPMT_*). */
export interface StructDefinition extends Common {
  readonly kind: "struct";
  readonly fields: readonly FieldSpec[];
}

/** What follows depends on the value of an earlier field (TPMU_*). A `null` case is empty. */
export interface UnionDefinition extends Common {
  readonly kind: "union";
  readonly cases: ReadonlyMap<number, Definition | null>;
  /** For selectors without a case; without it they cannot be decoded. `null` is empty, as in a case. */
  readonly otherwise?: Definition | null;
}

/** Content that does not say what it is: the first form that fits exactly is taken; the last always fits. */
export interface AlternativesDefinition extends Common {
  readonly kind: "alternatives";
  readonly options: readonly Definition[];
}

export type Definition =
  | UintDefinition
  | ConstantDefinition
  | AttributesDefinition
  | BytesDefinition
  | BufferDefinition
  | SizedDefinition
  | ListDefinition
  | StructDefinition
  | UnionDefinition
  | AlternativesDefinition;

/** A field of a structure, or a handle or parameter of a command. */
export interface FieldSpec {
  readonly name: string;
  readonly type: Definition;
  readonly meaning: string;
  /** For unions: the earlier field of the same structure that selects the case. */
  readonly by?: string;
}

/** A field of a structure. `by` names the sibling that selects a union's case. */
export function f(name: string, type: Definition, meaning: string, by?: string): FieldSpec {
  return by === undefined ? { name, type, meaning } : { name, type, meaning, by };
}

export function uint(
  name: string,
  size: UintDefinition["size"],
  meaning: string,
  show: UintDefinition["show"] = "decimal",
): UintDefinition {
  return { kind: "uint", name, size, meaning, show };
}

/** E.g. TPM_RS_PW, but not the TPM_PROPERTIES of TPM_CAP_TPM_PROPERTIES. */
const WHOLE_NAME = /^TPM_[A-Z0-9]+_/;

/**
 * Named values. `prefix` goes before each key of `values` to make the specification's name, unless the key has it.
 */
export function constants<K extends string>(
  name: string,
  size: ConstantDefinition["size"],
  spec: string,
  meaning: string,
  prefix: string,
  values: Readonly<Record<K, readonly [value: number, meaning: string]>>,
  describe?: ConstantDefinition["describe"],
): ConstantDefinition {
  const rows = Object.entries<readonly [number, string]>(values);
  const map = new Map(
    rows.map(([key, [value, text]]) => [
      value,
      { name: WHOLE_NAME.test(key) ? key : prefix + key, meaning: text },
    ]),
  );
  const definition = { kind: "constant", name, size, spec, meaning, values: map } as const;
  return describe ? { ...definition, describe } : definition;
}

export function attributes(
  name: string,
  size: AttributesDefinition["size"],
  spec: string,
  meaning: string,
  bits: readonly BitSpec[],
  describe?: AttributesDefinition["describe"],
): AttributesDefinition {
  const definition = { kind: "attributes", name, size, spec, meaning, bits } as const;
  return describe ? { ...definition, describe } : definition;
}

/** One bit of an attributes word. */
export function bit(low: number, name: string, meaning: string): BitSpec {
  return { name, low, high: low, meaning };
}

/** A run of bits of an attributes word. */
export function bitRun(
  low: number,
  high: number,
  name: string,
  meaning: string,
  values?: BitSpec["values"],
): BitSpec {
  return values ? { name, low, high, meaning, values } : { name, low, high, meaning };
}

export function fixedBytes(
  name: string,
  length: number | "rest",
  meaning: string,
  show: BytesDefinition["show"] = "hex",
): BytesDefinition {
  return { kind: "bytes", name, length, meaning, show };
}

/** TPM2B: a 16-bit count (or `sizeBytes`) and bytes. */
export function buffer(
  name: string,
  spec: string,
  meaning: string,
  sizeBytes: BufferDefinition["sizeBytes"] = 2,
  show: BufferDefinition["show"] = "hex",
): BufferDefinition {
  return { kind: "buffer", name, spec, meaning, sizeBytes, show };
}

/** TPM2B of a structure. */
export function sized(
  name: string,
  field: string,
  content: Definition,
  spec: string,
  meaning: string,
  sizeBytes: SizedDefinition["sizeBytes"] = 2,
): SizedDefinition {
  return { kind: "sized", name, field, content, spec, meaning, sizeBytes };
}

/** TPML: a 32-bit count (or `countBytes`) and items. */
export function list(
  name: string,
  item: Definition,
  spec: string,
  meaning: string,
  countBytes: ListDefinition["countBytes"] = 4,
): ListDefinition {
  return { kind: "list", name, item, spec, meaning, countBytes };
}

export function struct(
  name: string,
  spec: string,
  meaning: string,
  fields: readonly FieldSpec[],
): StructDefinition {
  return { kind: "struct", name, spec, meaning, fields };
}

export function union(
  name: string,
  spec: string,
  meaning: string,
  cases: Iterable<readonly [selector: number, type: Definition | null]>,
  otherwise?: Definition | null,
): UnionDefinition {
  const definition = { kind: "union", name, spec, meaning, cases: new Map(cases) } as const;
  return otherwise === undefined ? definition : { ...definition, otherwise };
}

export function alternatives(
  name: string,
  spec: string,
  meaning: string,
  options: readonly Definition[],
): AlternativesDefinition {
  return { kind: "alternatives", name, spec, meaning, options };
}

/** The same bytes under another name (TPMI_* are such). */
export function alias<D extends Definition>(definition: D, name: string, meaning: string, spec?: string): D {
  return { ...definition, name, meaning, ...(spec === undefined ? {} : { spec }) };
}
