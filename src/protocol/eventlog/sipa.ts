/**
 * Takes apart what Windows measures into PCRs 11 to 14: records of a number, a length and data (little-endian), some of
 * which consist of records. The whole log is called WBCL (Windows boot configuration log).
 * Source: the Windows SDK's wbcl.h.
 */
import { hexNumber } from "../bytes/hex.ts";
import { ByteReader } from "../bytes/reader.ts";
import { viewOf } from "../bytes/view.ts";
import type { DataDescription, Detail } from "./detail.ts";
import { LIMITS } from "./limits.ts";
import { AGGREGATION, SIPA_TYPES, type SipaForm } from "./sipa-types.ts";
import { latin1, show, utf16 } from "./text.ts";

const HEADER = 8;
const SEPARATOR = "WBCL";
/** Numbers of this many bytes are shown as numbers. */
const NUMBER_SIZES: readonly number[] = [1, 2, 4, 8];
/** ALG_ID of Windows' CryptoAPI. */
const ALG_IDS: ReadonlyMap<number, string> = new Map([
  [0x8004, "sha1"],
  [0x800c, "sha256"],
  [0x800d, "sha384"],
  [0x800e, "sha512"],
]);
/** Fields that the one line of text names. */
const NAMED_FIELDS = 3;

/** Whether the data begins with one of Windows' records. */
export function isSipa(data: Uint8Array): boolean {
  if (data.length < 4) return false;
  const type = viewOf(data).getUint32(0, true);
  // Of a bare number, as old firmware's notes are, nothing but the number is there.
  return SIPA_TYPES.has(type) && (data.length === 4 || data.length >= HEADER);
}

/** Whether it is the data of the separators that Windows puts around its own measurements. */
export function isWindowsSeparator(data: Uint8Array): boolean {
  return data.length === SEPARATOR.length && latin1(data) === SEPARATOR;
}

/** Data for which {@link isSipa} holds, field by field. What is cut off or nested too deep is shown as bytes. */
export function describeSipa(data: Uint8Array): DataDescription {
  if (data.length < HEADER) {
    const type = viewOf(data).getUint32(0, true);
    return { text: `Windows: ${nameOf(type)}`, details: [] };
  }
  const fields: Detail[] = [];
  takeApart(data, "", 0, fields);
  return { text: `Windows: ${summary(fields)}`, details: fields };
}

function takeApart(data: Uint8Array, path: string, depth: number, fields: Detail[]): void {
  const reader = new ByteReader(data);
  while (reader.left >= HEADER && fields.length <= LIMITS.details) {
    const type = reader.u32le();
    const size = reader.u32le();
    const body = reader.take(Math.min(size, reader.left));
    const label = `${path}${nameOf(type)}`;
    if (size > body.length) {
      fields.push({ label, value: `${show(body)}, cut off: it says it has ${size} bytes` });
    } else if (isAggregate(type) && depth < LIMITS.nesting) {
      takeApart(body, `${label} › `, depth + 1, fields);
    } else {
      fields.push({ label, value: fieldValue(formOf(type), body) });
    }
  }
  if (reader.left && fields.length <= LIMITS.details) {
    fields.push({ label: `${path}behind the last record`, value: show(reader.take(reader.left)) });
  }
}

const nameOf = (type: number) => SIPA_TYPES.get(type)?.name ?? hexNumber(type);
/** By its bit: an aggregate of a newer Windows can be taken apart as well. */
const isAggregate = (type: number) => (type & AGGREGATION) !== 0;

function formOf(type: number): SipaForm {
  return SIPA_TYPES.get(type)?.form ?? "bytes";
}

function fieldValue(form: SipaForm, body: Uint8Array): string {
  switch (form) {
    case "flag":
      return body.length <= 4 ? (body.some((byte) => byte) ? "yes" : "no") : show(body);
    case "number":
      return NUMBER_SIZES.includes(body.length) ? `${numberOf(body)}` : show(body);
    case "algorithm":
      return (body.length === 4 && ALG_IDS.get(Number(numberOf(body)))) || show(body);
    case "text":
      return body.length % 2 || body.length > LIMITS.text ? show(body) : utf16(body);
    default:
      return show(body);
  }
}

function numberOf(body: Uint8Array): bigint {
  return body.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The files when it is about files, else the first fields. */
function summary(fields: readonly Detail[]): string {
  const last = ({ label }: Detail) => label.split(" › ").at(-1) ?? label;
  const files = fields.filter((field) => last(field) === "FILEPATH");
  const shown = files.length
    ? files.map(({ value }) => value)
    : fields.map((field) => `${last(field)} = ${field.value}`);
  const more = shown.length - NAMED_FIELDS;
  const words = shown.slice(0, NAMED_FIELDS).join(", ") || "a record without fields";
  return more > 0 ? `${words}, and ${more} more` : words;
}
