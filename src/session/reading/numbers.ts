/** Numbers and lists as files have them, each with its range: what every schema of a file is made of. */
import * as v from "valibot";
import { LAST_TIME } from "./limits.ts";

/** A whole number. */
export const whole = (least: number, most: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));

/** A count, or a size in bytes. */
export const count = (most: number = Number.MAX_SAFE_INTEGER) => whole(0, most);

/** Milliseconds since 1970, in years that a date is written with. */
export const dateTime = count(LAST_TIME);

/** Milliseconds, fractions too. */
export const milliseconds = (most: number) => v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(most));

/** A list, whose length is looked at before any of its items is. */
export const list = <Item extends v.GenericSchema>(item: Item, most: number) =>
  v.pipe(
    v.custom<unknown[]>((value) => Array.isArray(value), "must be a list"),
    v.check(
      (items) => items.length <= most,
      `has more than ${most.toLocaleString("en")} entries, the most that this page reads`,
    ),
    v.array(item),
  );

/** Text of a bounded length. */
export const text = (most: number) => v.pipe(v.string(), v.maxLength(most));

/** The most of somebody's text that a message quotes. */
const QUOTED = 200;

/** Somebody's text within a message. */
export const quoted = (words: string) => (words.length > QUOTED ? `${words.slice(0, QUOTED)}…` : words);

/** A name out of a file, for words; a value that is no text is none. */
export const nameOr = (name: unknown, otherwise: string): string =>
  typeof name === "string" ? quoted(name) : otherwise;

/** What is wrong, and where, in words of a bounded length. */
export const flaw = (issue: v.GenericIssue): { where: string | undefined; what: string } => {
  const path = v.getDotPath(issue);
  return { where: path === null ? undefined : quoted(path), what: quoted(issue.message) };
};
