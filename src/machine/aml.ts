/**
 * As much of an ACPI Machine Language encoder as one device needs (ACPI 6.4, chapter 20). Each function gives the
 * bytes of one AML term; `table` wraps any body in an ACPI table header.
 */
import { ByteWriter } from "../bytes/writer.ts";

/** Bytes of one AML term or table. */
export type Aml = Uint8Array<ArrayBuffer>;

const SCOPE_OP = 0x10;
const EXT_PREFIX = 0x5b;
const DEVICE_OP = 0x82;
const NAME_OP = 0x08;
const BUFFER_OP = 0x11;
const STRING_PREFIX = 0x0d;
const BYTE_PREFIX = 0x0a;
const DWORD_PREFIX = 0x0c;
const ONE_OP = 0x01;

const MAX_ONE_BYTE_PACKAGE = 0x3f;
const MAX_TWO_BYTE_PACKAGE = 0xfff;

/** PkgLength counts itself (section 20.2.4). Bodies of up to 4 KiB. */
function packaged(body: ArrayLike<number>): Aml {
  const writer = new ByteWriter();
  if (body.length + 1 <= MAX_ONE_BYTE_PACKAGE) {
    writer.u8(body.length + 1);
  } else {
    const length = body.length + 2;
    if (length > MAX_TWO_BYTE_PACKAGE)
      throw new RangeError(`an AML package of ${length} bytes is too long here`);
    writer.u8(0x40 | (length & 0x0f)).u8(length >> 4);
  }
  return writer.bytes(body).finish();
}

function joined(parts: readonly Aml[]): Aml {
  return parts.reduce((writer, part) => writer.bytes(part), new ByteWriter()).finish();
}

const ascii = (text: string) => new ByteWriter().ascii(text).finish();

/** `Scope (name) { ... }`; name segments have four characters, `_SB` is written `_SB_`. */
export function scope(name: string, ...terms: Aml[]): Aml {
  return joined([Uint8Array.of(SCOPE_OP), packaged(joined([ascii(name), ...terms]))]);
}

/** `Device (name) { ... }`. */
export function device(name: string, ...terms: Aml[]): Aml {
  return joined([Uint8Array.of(EXT_PREFIX, DEVICE_OP), packaged(joined([ascii(name), ...terms]))]);
}

/** `Name (name, value)`. */
export function named(name: string, value: Aml): Aml {
  return joined([Uint8Array.of(NAME_OP), ascii(name), value]);
}

/** A string constant. */
export function string(text: string): Aml {
  return new ByteWriter().u8(STRING_PREFIX).ascii(text).u8(0).finish();
}

/** An integer constant of one byte; 1 has an opcode of its own. */
export function byte(value: number): Aml {
  if (value < 0 || value > 0xff) throw new RangeError(`${value} does not fit a byte constant`);
  return value === 1 ? Uint8Array.of(ONE_OP) : Uint8Array.of(BYTE_PREFIX, value);
}

/** A Buffer with exactly these bytes. */
export function buffer(bytes: ArrayLike<number>): Aml {
  return joined([Uint8Array.of(BUFFER_OP), packaged(joined([byte(bytes.length), Uint8Array.from(bytes)]))]);
}

/** `Unicode (text)`: a Buffer of UTF-16LE with a terminator. */
export function unicode(text: string): Aml {
  const writer = new ByteWriter();
  for (let i = 0; i < text.length; i++) writer.u16le(text.charCodeAt(i));
  return buffer(writer.u16le(0).finish());
}

/** `EisaId ("PNP0C31")`: three letters of five bits, four hex digits, stored big-endian in a DWord. */
export function eisaId(id: string): Aml {
  const letters = Array.from(id.slice(0, 3), (c) => c.charCodeAt(0) - 0x40);
  const vendor = letters.reduce((bits, letter) => (bits << 5) | letter, 0);
  const product = Number.parseInt(id.slice(3), 16);
  return new ByteWriter().u8(DWORD_PREFIX).u16be(vendor).u16be(product).finish();
}

/** `ResourceTemplate () { Memory32Fixed (ReadWrite, base, size) }` (sections 6.4.3.4 and 6.4.2.9). */
export function memory32Fixed(base: number, size: number): Aml {
  return buffer(new ByteWriter().u8(0x86).u16le(9).u8(1).u32le(base).u32le(size).u8(0x79).u8(0).finish());
}

/** What an ACPI table says of its maker (section 5.2.6). */
export const MAKER = { oemId: "WEBTPM", oemTableId: "WEBTPM  ", oemRevision: 1, creatorId: "WTPM" } as const;

const HEADER_SIZE = 36;
const CHECKSUM_AT = 9;

/** An ACPI table: header, body, and the checksum that makes all bytes add up to 0. */
export function table(signature: string, revision: number, body: ArrayLike<number>): Aml {
  const bytes = new ByteWriter()
    .ascii(signature)
    .u32le(HEADER_SIZE + body.length)
    .u8(revision)
    .u8(0)
    .ascii(MAKER.oemId)
    .ascii(MAKER.oemTableId)
    .u32le(MAKER.oemRevision)
    .ascii(MAKER.creatorId)
    .u32le(1)
    .bytes(body)
    .finish();
  bytes[CHECKSUM_AT] = -bytes.reduce((sum, value) => sum + value, 0) & 0xff;
  return bytes;
}
