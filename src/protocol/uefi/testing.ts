/** A flash for variables as edk2's build makes it, small; for tests. */
import { ByteWriter } from "../bytes/writer.ts";
import { guidBytes } from "./guid.ts";

const HEADER = 0x48;
export const STORE_SIZE = 0x3000 - HEADER;

export function factoryFlash(size = 0x8000): Uint8Array<ArrayBuffer> {
  const header = new ByteWriter()
    .zeros(16)
    .bytes(guidBytes("fff12b8d-7696-4c8b-a985-2747075b4f50"))
    .u64le(BigInt(size))
    .ascii("_FVH")
    .u32le(0x0004_feff)
    .u16le(HEADER)
    .zeros(HEADER - 50)
    .bytes(guidBytes("aaf32c78-947b-439a-a180-2e144ec37792"))
    .u32le(STORE_SIZE)
    .bytes([0x5a, 0xfe])
    .zeros(6)
    .finish();
  const flash = new Uint8Array(size).fill(0xff);
  flash.set(header);
  return flash;
}
