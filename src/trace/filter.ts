/**
 * Which accesses to show, in a few words: "write sts tpmGo", "locality:0 -fifo", "guest access seize", "value:0x80".
 * All terms have to hold; a minus turns one round.
 */
import { bitMask, REGISTERS, type Register, type RegisterKey } from "../tis/registers.ts";
import { isByPage, isMark, isWrite, localityOf, offsetOf } from "./access.ts";

/** @param word as `packAccess` makes it. */
export type AccessFilter = (word: number, value: number) => boolean;

/** A term that means nothing here; the message says which and what there is. */
export class FilterError extends Error {
  override name = "FilterError";
}

const KEYS = Object.keys(REGISTERS) as RegisterKey[];
const plain = (text: string) => text.toLowerCase().replace(/^tpm_/, "").replaceAll("_", "");

function inRegister(key: RegisterKey): AccessFilter {
  const { offset, span = 4 }: Register = REGISTERS[key];
  return (word) => offsetOf(word) >= offset && offsetOf(word) < offset + span;
}

/** The words that stand by themselves. */
const WORDS: ReadonlyMap<string, AccessFilter> = new Map<string, AccessFilter>([
  ...KEYS.map((key) => [plain(key), inRegister(key)] as const),
  ["read", (word) => !isWrite(word)],
  ["write", isWrite],
  ["guest", (word) => !isByPage(word)],
  ["page", isByPage],
  ["reset", isMark],
  ["fifo", (word) => inRegister("DATA_FIFO")(word, 0) || inRegister("XDATA_FIFO")(word, 0)],
]);

/** Fields by name, in every register that has one of that name: set in what was read or written. */
const FIELDS = new Map<string, AccessFilter[]>();
for (const key of KEYS) {
  const register: Register = REGISTERS[key];
  const here = inRegister(key);
  for (const field of register.fields) {
    const mask = bitMask(field.bits);
    const isSet: AccessFilter = (word, value) =>
      here(word, value) && ((value << ((offsetOf(word) & 3) * 8)) & mask) !== 0;
    const name = plain(field.name);
    FIELDS.set(name, [...(FIELDS.get(name) ?? []), isSet]);
  }
}

/** What can be put into a filter, for a list of suggestions. */
export const FILTER_WORDS: readonly string[] = [
  ..."read,write,guest,page,reset,fifo,locality:0,value:0x00".split(","),
  ...KEYS.filter((key) => !key.endsWith("FIFO")),
  ...new Set(KEYS.flatMap((key) => (REGISTERS[key] as Register).fields.map(({ name }) => name))),
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
  const fields = FIELDS.get(plain(text));
  if (fields) return (word, value) => fields.some((field) => field(word, value));
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
