/**
 * What an EFI image's signature covers, and where it is put: Windows Authenticode Portable Executable Signature Format,
 * and the PE/COFF specification ("Attribute Certificate Table"). The signature itself (PKCS #7) is made elsewhere.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { viewOf } from "../bytes/view.ts";
import { ByteWriter } from "../bytes/writer.ts";

/** It is no EFI image. */
export class EfiImageError extends Error {
  override name = "EfiImageError";
}

const PE_AT = 0x3c;
const PE_SIGNATURE = 0x0000_4550; // "PE\0\0"
const COFF_HEADER = 20;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
/** In the optional header: the checksum, and the entry of the data directories that has the certificates. */
const CHECKSUM_AT = 64;
const DIRECTORIES_AT = { [PE32]: 96, [PE32_PLUS]: 112 } as const;
const CERTIFICATES = 4;
const ALIGNMENT = 8;
/** WIN_CERTIFICATE: revision 2.0, PKCS #7. */
const CERTIFICATE_HEADER = 8;
const REVISION_2 = 0x0200;
const PKCS_SIGNED_DATA = 0x0002;

interface Layout {
  checksum: number;
  /** The entry of the certificate table: file offset and size. */
  entry: number;
  /** Where that table is, or would be. */
  table: number;
}

function layout(image: Uint8Array): Layout {
  const view = viewOf(image);
  const no = (what: string) => new EfiImageError(`this is no EFI image: ${what}`);
  if (image.length < PE_AT + 4 || view.getUint16(0) !== 0x4d5a) throw no("it does not begin with MZ");
  const pe = view.getUint32(PE_AT, true);
  if (pe + 4 + COFF_HEADER + 2 > image.length || view.getUint32(pe, true) !== PE_SIGNATURE)
    throw no("it has no PE header");
  const optional = pe + 4 + COFF_HEADER;
  const magic = view.getUint16(optional, true);
  if (magic !== PE32 && magic !== PE32_PLUS) throw no(`its optional header is of kind ${magic}`);
  const entry = optional + DIRECTORIES_AT[magic] + 8 * CERTIFICATES;
  if (entry + 8 > image.length) throw no("its header is cut off");
  const at = view.getUint32(entry, true);
  const size = view.getUint32(entry + 4, true);
  if (at + size > image.length) throw no("its certificates lie behind its end");
  return { checksum: optional + CHECKSUM_AT, entry, table: size ? at : image.length };
}

/** Filled up so that a certificate table can follow. */
function filledUp(image: Uint8Array): Uint8Array<ArrayBuffer> {
  const filled = new Uint8Array(Math.ceil(image.length / ALIGNMENT) * ALIGNMENT);
  filled.set(image);
  return filled;
}

/** Whether a signature is attached; whose, and whether it fits, the firmware says. */
export function isSigned(image: Uint8Array): boolean {
  return layout(image).table < image.length;
}

/**
 * The SHA-256 that a signature of this image covers, and by which dbx revokes it: all of it but the checksum and what
 * belongs to signatures. Its sections must lie in the file one behind the other, as Linux's do.
 * @throws {EfiImageError}
 */
export function authenticodeDigest(image: Uint8Array): Uint8Array {
  const { checksum, entry, table } = layout(image);
  const covered = filledUp(image.subarray(0, table));
  return sha256
    .create()
    .update(covered.subarray(0, checksum))
    .update(covered.subarray(checksum + 4, entry))
    .update(covered.subarray(entry + 8))
    .digest();
}

/**
 * The image with a signature of its {@link authenticodeDigest}, in place of those that it had.
 * @param signature PKCS #7 SignedData in DER.
 * @throws {EfiImageError}
 */
export function attachSignature(image: Uint8Array, signature: Uint8Array): Uint8Array<ArrayBuffer> {
  const { entry, table } = layout(image);
  const covered = filledUp(image.subarray(0, table));
  const length = CERTIFICATE_HEADER + signature.length;
  const certificate = new ByteWriter()
    .u32le(length)
    .u16le(REVISION_2)
    .u16le(PKCS_SIGNED_DATA)
    .bytes(signature)
    .zeros(-length & (ALIGNMENT - 1))
    .finish();
  const signed = new ByteWriter().bytes(covered).bytes(certificate).finish();
  const view = new DataView(signed.buffer);
  view.setUint32(entry, covered.length, true);
  view.setUint32(entry + 4, certificate.length, true);
  return signed;
}
