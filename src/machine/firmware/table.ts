/** The header that every ACPI table begins with (ACPI 6.4, section 5.2.6). */
import { ByteWriter } from "../../protocol/bytes/writer.ts";

/** What the tables say of their maker. */
export const MAKER = { oemId: "WEBTPM", oemTableId: "WEBTPM  ", oemRevision: 1, creatorId: "WTPM" } as const;

const HEADER_SIZE = 36;
const CHECKSUM_AT = 9;
/** An ACPI table: header, body, and the checksum that makes all bytes add up to 0. */
export function table(signature: string, revision: number, body: ArrayLike<number>): Uint8Array<ArrayBuffer> {
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
