/**
 * What a record has of its own under a name that anybody may have chosen: a file, a link, a key of the keyboard. A plain
 * `record[name]` finds what every object has as well, e.g. under "constructor".
 */
export function own<T extends object>(record: T, name: string): T[keyof T] | undefined {
  return Object.hasOwn(record, name) ? record[name as keyof T] : undefined;
}
