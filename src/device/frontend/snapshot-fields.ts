/** Reads a device's snapshot, which may be anybody's: each field is what it has to be, or is refused by name. */

import { own } from "../../protocol/bytes/own.ts";

/** The names of a table. */
export const namesOf = <T extends object>(table: T) => Object.keys(table) as (keyof T)[];

/** A table of the same names, each with what `value` makes of its entry. */
export const mapTable = <T extends object, V>(table: T, value: (entry: T[keyof T]) => V) =>
  Object.fromEntries(namesOf(table).map((name) => [name, value(table[name])])) as { [K in keyof T]: V };

export class SnapshotFields {
  readonly #refuse: (message: string) => Error;

  /** @param refuse the error for a snapshot that is none; gets what is wrong in words. */
  constructor(refuse: (message: string) => Error) {
    this.#refuse = refuse;
  }

  refuse(field: string, value: unknown): never {
    const shown = typeof value === "object" && value !== null ? "something else" : JSON.stringify(value);
    throw this.#refuse(`this is no snapshot of the TPM interface: ${field} is ${shown}`);
  }

  inconsistent(wrong: string): never {
    throw this.#refuse(`this snapshot of the TPM interface is inconsistent: ${wrong}`);
  }

  record(value: unknown, what: string): Record<string, unknown> {
    if (typeof value !== "object" || value === null) return this.refuse(what, value);
    return value as Record<string, unknown>;
  }

  int32(value: unknown, field: string): number {
    return typeof value === "number" && (value | 0) === value ? value : this.refuse(field, value);
  }

  flag(value: unknown, field: string): 0 | 1 {
    return typeof value === "boolean" ? (value ? 1 : 0) : this.refuse(field, value);
  }

  /** Fills the words that a table names, each with what `read` makes of the field of that name. */
  fill<T extends Readonly<Record<string, number>>>(
    words: Int32Array,
    table: T,
    fields: Readonly<Record<string, unknown>>,
    read: (value: unknown, name: string) => number,
  ): void {
    for (const [name, word] of Object.entries(table)) words[word] = read(own(fields, name), name);
  }

  /** A locality, or `none` for null. */
  localityOr(none: number, value: unknown, field: string): number {
    return value === null ? none : this.int32(value, field);
  }

  /** Reads a list of `count` localities. @param read gets the name of a field for messages from `path`. */
  localities(
    value: unknown,
    count: number,
    read: (locality: number, fields: Record<string, unknown>, path: (name: string) => string) => void,
  ): void {
    const list = Array.isArray(value) && value.length === count ? value : this.refuse("localities", value);
    list.forEach((one: unknown, locality) => {
      const at = `localities[${locality}]`;
      read(locality, this.record(one, at), (name) => `${at}.${name}`);
    });
  }

  /** @returns the number of the name among `names`. */
  oneOf(names: readonly string[], value: unknown, field: string): number {
    const index = names.indexOf(value as string);
    return index < 0 ? this.refuse(field, value) : index;
  }

  /** @param length bytes that it has to have. */
  bytes(value: unknown, length: number, field: string): Uint8Array {
    if (!(value instanceof Uint8Array) || value.length !== length) return this.refuse(field, value);
    return value;
  }
}
