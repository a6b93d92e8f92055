/** For tests of this folder: event data as firmware, boot loaders and Windows lay it out. */
import { ByteWriter } from "../bytes/writer.ts";
import { ascii, wide } from "./testing.ts";

const EFI_GLOBAL = Uint8Array.of(0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0, 0xe0, 0x98, 3, 0x2b, 0x8c); // biome-ignore format: one GUID
const SMBIOS = Uint8Array.of(0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16, 0, 0x90, 0x27, 0x3f, 0xc1, 0x4d); // biome-ignore format: one GUID
/** A GUID that nobody knows. */
export const SOME_GUID = new Uint8Array(16).fill(0x5a);

export const joined = (...parts: Uint8Array[]) =>
  parts.reduce((all, part) => all.bytes(part), new ByteWriter()).finish();

export const u32 = (...values: number[]) =>
  values.reduce((all, value) => all.u32le(value), new ByteWriter()).finish();

/** UEFI_VARIABLE_DATA. */
export const variable = (name: string, value: Uint8Array, vendor = EFI_GLOBAL) =>
  new ByteWriter()
    .bytes(vendor)
    .u64le(BigInt(name.length))
    .u64le(BigInt(value.length))
    .bytes(wide(name))
    .bytes(value)
    .finish();

/** EFI_SIGNATURE_LIST of so many SHA-256 hashes. */
export function signatureList(count: number): Uint8Array {
  const list = new ByteWriter().bytes(SOME_GUID).u32le(28 + 48 * count).u32le(0).u32le(48); // biome-ignore format: one header
  for (let i = 0; i < count; i++) list.bytes(SOME_GUID).bytes(new Uint8Array(32).fill(i));
  return list.finish();
}

/** UEFI_PLATFORM_FIRMWARE_BLOB. */
export const blob = (base: number, length: number) =>
  new ByteWriter().u64le(BigInt(base)).u64le(BigInt(length)).finish();

/** Its second version, and UEFI_HANDOFF_TABLE_POINTERS2's: a counted name in front. */
export const named = (name: string, data: Uint8Array) =>
  joined(Uint8Array.of(name.length), ascii(name), data);

export const smbiosTable = joined(
  new ByteWriter().u64le(1n).finish(),
  SMBIOS,
  blob(0xf0000, 0).subarray(0, 8),
);

/** A node of a device path for a file, and the path's end. */
export function filePath(name: string): Uint8Array {
  const text = joined(wide(name), Uint8Array.of(0, 0));
  return new ByteWriter().u8(4).u8(4).u16le(4 + text.length).bytes(text).bytes([0x7f, 0xff, 4, 0]).finish(); // biome-ignore format: one node a line
}

/** UEFI_IMAGE_LOAD_EVENT. @param pathLength as the event says. */
export const image = (path: Uint8Array, behind = new Uint8Array(), pathLength = path.length) =>
  new ByteWriter()
    .u64le(0x1000n)
    .u64le(0x2000n)
    .u64le(0n)
    .u64le(BigInt(pathLength))
    .bytes(path)
    .bytes(behind)
    .finish();

/** EFI_LOAD_OPTION. */
export const loadOption = (text: string) =>
  new ByteWriter().u32le(1).u16le(4).bytes(wide(text)).u16le(0).bytes([0x7f, 0xff, 4, 0]).finish();

/** UEFI_GPT_DATA. */
export function gpt(...names: string[]): Uint8Array {
  const table = new ByteWriter().ascii("EFI PART").u32le(0x10000).u32le(92).u32le(0x1234).u32le(0);
  table.u64le(1n).u64le(99n).u64le(34n).u64le(66n).bytes(SOME_GUID).u64le(2n);
  table.u32le(128).u32le(128).u32le(0x5678).u64le(BigInt(names.length));
  for (const name of names) {
    table.bytes(SOME_GUID).bytes(EFI_GLOBAL).u64le(34n).u64le(50n).u64le(0n);
    table.bytes(wide(name)).zeros(72 - 2 * name.length);
  }
  return table.finish();
}

/** A record of Windows: number, length, data. */
export const sipa = (type: number, ...body: Uint8Array[]) => {
  const data = joined(...body);
  return joined(u32(type, data.length), data);
};
