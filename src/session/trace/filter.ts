/**
 * Which accesses to show, in a few words: "write sts tpmGo", "locality:0 -fifo", "guest access seize", "value:0x80".
 * All terms have to hold; a minus turns one round.
 */
import { bitMask, type Register } from "../../device/frontend/registers.ts";
import { INTERFACES, type RegisterInterface } from "../../device/interfaces/interfaces.ts";
import { interfaceOfWord, isByPage, isData, isMark, isWrite, localityOf, offsetOf } from "./access.ts";

/** @param word as `packAccess` makes it. */
export type AccessFilter = (word: number, value: number) => boolean;

/** A term that means nothing here; the message says which and what there is. */
export class FilterError extends Error {
  override name = "FilterError";
}

/** The registers of every interface, with their keys. */
const ALL = Object.values(INTERFACES).flatMap((through) =>
  Object.entries(through.registers).map(([key, register]) => ({ through, key, register })),
);
/** A register is meant by its key or its name, with or without what all names begin with. */
const plain = (text: string) =>
  text
    .toLowerCase()
    .replace(/^tpm_(crb_)?/, "")
    .replaceAll("_", "");

function inRegister(through: RegisterInterface, { offset, span = 4 }: Register): AccessFilter {
  return (word) =>
    interfaceOfWord(word) === through && offsetOf(word) >= offset && offsetOf(word) < offset + span;
}

/** The words that stand by themselves. */
const WORDS: ReadonlyMap<string, AccessFilter> = new Map<string, AccessFilter>([
  ["read", (word) => !isWrite(word)],
  ["write", isWrite],
  ["guest", (word) => !isByPage(word)],
  ["page", isByPage],
  ["reset", isMark],
  ["fifo", (word) => isData(word) && interfaceOfWord(word) === INTERFACES.TIS],
  ["data", isData],
]);
/** Registers by name, in every interface that has one of that name. */
const REGISTERS = new Map<string, AccessFilter[]>();
/** Fields by name, in every register that has one of that name: set in what was read or written. */
const FIELDS = new Map<string, AccessFilter[]>();
const put = (map: Map<string, AccessFilter[]>, name: string, filter: AccessFilter) =>
  map.set(name, [...(map.get(name) ?? []), filter]);
for (const { through, key, register } of ALL) {
  const here = inRegister(through, register);
  for (const name of new Set([plain(key), plain(register.name)])) put(REGISTERS, name, here);
  for (const field of register.fields) {
    const mask = bitMask(field.bits);
    put(
      FIELDS,
      plain(field.name),
      (word, value) => here(word, value) && ((value << ((offsetOf(word) & 3) * 8)) & mask) !== 0,
    );
  }
}

/** What can be put into a filter, for a list of suggestions. */
export const FILTER_WORDS: readonly string[] = [
  ..."read,write,guest,page,reset,fifo,data,locality:0,value:0x00".split(","),
  ...new Set(ALL.map(({ key }) => key).filter((key) => !key.endsWith("FIFO"))),
  ...new Set(ALL.flatMap(({ register }) => register.fields.map(({ name }) => name))),
];

/** @returns undefined for an empty text: nothing is left out. @throws {FilterError} */
export function parseFilter(text: string): AccessFilter | undefined {
  const terms = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(parseTerm);
  if (!terms.length) return undefined;
  // A reset concerns every access, so it is left in.
  return (word, value) => (isMark(word) ? true : terms.every((term) => term(word, value)));
}

function parseTerm(text: string): AccessFilter {
  if (text.startsWith("-") && text.length > 1) {
    const term = parseTerm(text.slice(1));
    return (word, value) => !term(word, value);
  }
  const [name = "", argument] = text.split(/[:=]/, 2);
  if (argument !== undefined) return parsePair(name.toLowerCase(), argument);
  const known = WORDS.get(plain(text));
  if (known) return known;
  for (const map of [REGISTERS, FIELDS]) {
    const found = map.get(plain(text));
    if (found) return (word, value) => found.some((term) => term(word, value));
  }
  if (/^0x[0-9a-f]+$/i.test(text)) return parsePair("value", text);
  throw new FilterError(
    `“${text}” is no register, no field, and none of read, write, guest, page, locality:…, value:…`,
  );
}

function parsePair(name: string, argument: string): AccessFilter {
  const number = Number(argument);
  if (argument === "" || !Number.isInteger(number) || number < 0)
    throw new FilterError(`“${argument}” behind “${name}” is no number (hex begins with 0x)`);
  if (name === "locality" || name === "l") return (word) => localityOf(word) === number;
  if (name === "value") return (_word, value) => value === number;
  if (name === "offset") return (word) => offsetOf(word) === number;
  throw new FilterError(`“${name}:…” is not known; there are locality:, value: and offset:`);
}
