/** What decoding a whole message gives, and the parts that TPM 2.0 and TPM 1.2 messages share. */
import { Cursor, decodeFields, rawLeaf } from "./decode-type.ts";
import type { TpmFamily } from "./names.ts";
import type { FieldSpec } from "./schema.ts";
import type { Field } from "./tree.ts";

export interface Message {
  family: TpmFamily;
  direction: "command" | "response";
  /** TPM_CC or ordinal; undefined for a response whose command is not known, or a message without one. */
  code?: number;
  /** TPM_RC; responses only. */
  responseCode?: number;
  /** E.g. "TPM2_PCR_Extend"; hex for a command that is not in the specification. */
  name: string;
  /** What the command does, in one line. */
  meaning?: string;
  /** Where the specification tells about the command, e.g. "Part 3, 22.2". */
  spec?: string;
  /** "header", "handles", "authorizationArea", "parameters", …: what the message has of these, in order. */
  fields: Field[];
}

const HEADER_SIZE = 10;

/** Reads the header and sets the cursor's end by its size field. The fields are tag, size and code, as far as there. */
export function decodeHeader(specs: readonly FieldSpec[], cursor: Cursor): Field {
  const header = group("header", "the header", 0, decodeFields(specs, cursor), cursor);
  const size = header.children?.[1];
  if (typeof size?.value === "number") {
    if (size.value !== cursor.bytes.length) {
      size.error = `the message has ${cursor.bytes.length} byte(s)`;
    }
    cursor.end = Math.min(Math.max(size.value, HEADER_SIZE), cursor.bytes.length);
  }
  return header;
}

/** A branch for a part of the message. */
export function group(
  name: string,
  meaning: string,
  start: number,
  children: Field[],
  cursor: Cursor,
): Field {
  return { name, type: "", offset: start, length: cursor.pos - start, text: "", meaning, children };
}

/** What is left of the message becomes leaves: up to the size field's end, and beyond it. */
export function finish(fields: Field[], cursor: Cursor): Field[] {
  if (cursor.left > 0) {
    fields.push(rawLeaf(cursor, "surplus", cursor.left, "bytes that the message has no place for"));
  }
  cursor.end = cursor.bytes.length;
  if (cursor.left > 0)
    fields.push(rawLeaf(cursor, "after the message", cursor.left, "beyond the size field"));
  return fields;
}

/** The value of the header's third field. */
export function headerCode(header: Field): number | undefined {
  const code = header.children?.[2]?.value;
  return typeof code === "number" ? code : undefined;
}

export { Cursor };
