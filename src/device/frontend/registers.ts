/**
 * How the registers of an interface are written down: one table each, from which the device takes its masks and reset
 * values, and which inspector, accesses, breakpoints and filter read.
 */

/**
 * How a field answers:
 * `r` read only; `rw` keeps what is written; `w` write only, reads 0; `w1` acts when 1 is written, and is read as
 * state; `w1c` writing 1 clears it; `w1s` writing 1 sets it for good (until reset).
 */
export type FieldAccess = "r" | "rw" | "w" | "w1" | "w1c" | "w1s";

export interface RegisterField {
  /** The name in the specification. */
  readonly name: string;
  /** The name of its mask in the constants below. */
  readonly constant: string;
  /** Highest and lowest bit. */
  readonly bits: readonly [high: number, low: number];
  readonly access: FieldAccess;
  readonly meaning: string;
  /** What single values stand for, where the field is an enumeration. */
  readonly values?: Readonly<Record<number, string>>;
  /** The one TPM family that has this field; both have it otherwise. */
  readonly only?: "2.0" | "1.2";
}

export interface Register {
  /** The name in the specification, without the locality suffix. */
  readonly name: string;
  readonly offset: number;
  /** Bytes of the register itself; it answers in the whole 32-bit word. */
  readonly size: 1 | 4;
  /** Bytes of address space where that is more than one word. */
  readonly span?: number;
  readonly access: "r" | "w" | "rw";
  /** Value after reset as a 32-bit read by a locality that is not active, for each kind of TPM that has the interface. */
  readonly reset: Readonly<Record<"2.0", number> & Partial<Record<"1.2", number>>>;
  readonly meaning: string;
  /** Title of the section that defines it, in PTP 1.05 (and TIS 1.3 where that has it). */
  readonly spec: string;
  readonly fields: readonly RegisterField[];
}

/** The mask of bits `high` to `low`, unsigned. */
export function bitMask([high, low]: readonly [number, number]): number {
  return (2 ** (high + 1) - 2 ** low) >>> 0;
}

/** The value of a field within a register's value. */
export function fieldValue(field: RegisterField, registerValue: number): number {
  return (registerValue & bitMask(field.bits)) >>> field.bits[1];
}

type Masks<F extends readonly RegisterField[]> = {
  readonly [K in F[number] as K["constant"]]: number;
};

/** The masks of a register's fields, by `constant`. */
export function masks<const F extends readonly RegisterField[]>(register: { readonly fields: F }): Masks<F> {
  const entries = register.fields.map((field) => [field.constant, bitMask(field.bits)]);
  return Object.freeze(Object.fromEntries(entries)) as Masks<F>;
}

/** All bits of a register whose fields have one of the given kinds of access. */
export function accessMask(register: Register, ...kinds: FieldAccess[]): number {
  return register.fields
    .filter((field) => kinds.includes(field.access))
    .reduce((mask, field) => (mask | bitMask(field.bits)) >>> 0, 0);
}

/** The register of a table that answers at an offset within a locality's page; `undefined` where none does. */
export function registerIn<K extends string>(
  table: Readonly<Record<K, Register>>,
  offset: number,
): { key: K; register: Register } | undefined {
  for (const [key, register] of Object.entries(table) as [K, Register][]) {
    if (offset >= register.offset && offset < register.offset + (register.span ?? 4))
      return { key, register };
  }
  return undefined;
}
