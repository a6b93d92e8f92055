/**
 * The structures inside EFI event data, as far as they are simple: variables, images, firmware blobs, handed-over
 * tables, GPT. Every function gives undefined for data that does not fit.
 * Sources: TCG PC Client Platform Firmware Profile 1.06, section 10.2; UEFI 2.10, sections 5.3 (GPT), 10.3 (device
 * paths), Appendix A (GUID).
 */
import { toHex } from "../bytes/hex.ts";
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { latin1, utf16, withoutZeros } from "./text.ts";

const VARIABLE_EVENTS: readonly number[] = [
  EVENT_TYPES.EV_EFI_VARIABLE_DRIVER_CONFIG.id,
  EVENT_TYPES.EV_EFI_VARIABLE_BOOT.id,
  EVENT_TYPES.EV_EFI_VARIABLE_BOOT2.id,
  EVENT_TYPES.EV_EFI_VARIABLE_AUTHORITY.id,
];

export function isVariableEvent(type: number): boolean {
  return VARIABLE_EVENTS.includes(type);
}

/** A GUID in text: the first three fields are little-endian numbers. */
export function guid(bytes: Uint8Array): string {
  const hex = (start: number, end: number) => toHex(bytes.subarray(start, end));
  const swapped = (start: number, end: number) => toHex(bytes.subarray(start, end).toReversed());
  return [swapped(0, 4), swapped(4, 6), swapped(6, 8), hex(8, 10), hex(10, 16)].join("-");
}

function tryRead<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T | undefined {
  try {
    return read(new ByteReader(bytes));
  } catch (error) {
    if (error instanceof ShortInputError) return undefined;
    throw error;
  }
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** A 64-bit count; one beyond any real size counts as "more than is there". */
function count(reader: ByteReader): number {
  const value = reader.u64le();
  return Number(value > SAFE ? SAFE : value);
}

export interface EfiVariable {
  guid: string;
  name: string;
  value: Uint8Array;
}

/** UEFI_VARIABLE_DATA. */
export function efiVariable(data: Uint8Array): EfiVariable | undefined {
  return tryRead(data, (reader) => {
    const vendor = guid(reader.take(16));
    const nameLength = count(reader);
    const valueLength = count(reader);
    const name = utf16(reader.take(2 * nameLength));
    return { guid: vendor, name, value: reader.take(valueLength) };
  });
}

export interface EfiImage {
  address: bigint;
  length: bigint;
  linkTimeAddress: bigint;
  /** As the event says; not what it has. */
  pathLength: bigint;
  devicePath: Uint8Array;
  /** All that follows the fixed fields: the device path, and behind it bytes that some firmware adds. */
  rest: Uint8Array;
}

/** UEFI_IMAGE_LOAD_EVENT. A device path that is said to be longer than the event ends with it. */
export function efiImage(data: Uint8Array): EfiImage | undefined {
  return tryRead(data, (reader) => {
    const [address, length, linkTimeAddress] = [reader.u64le(), reader.u64le(), reader.u64le()];
    const pathLength = reader.u64le();
    const rest = reader.take(reader.left);
    const inside = pathLength < BigInt(rest.length) ? Number(pathLength) : rest.length;
    return { address, length, linkTimeAddress, pathLength, devicePath: rest.subarray(0, inside), rest };
  });
}

const DEVICE_PATH_MEDIA = 4;
const DEVICE_PATH_FILE = 4;
const DEVICE_PATH_FIRMWARE_FILE = 6;
const DEVICE_PATH_END = 0x7f;

/** The file that a device path leads to, or undefined when it names none. */
export function devicePathFile(path: Uint8Array): string | undefined {
  return tryRead(path, (reader) => {
    let file: string | undefined;
    while (reader.left >= 4) {
      const type = reader.u8();
      const subtype = reader.u8();
      const body = reader.take(reader.u16le() - 4);
      if (type === DEVICE_PATH_END) break;
      if (type !== DEVICE_PATH_MEDIA) continue;
      if (subtype === DEVICE_PATH_FILE) file = (file ?? "") + utf16(body);
      if (subtype === DEVICE_PATH_FIRMWARE_FILE) file = `firmware file ${guid(body)}`;
    }
    return file;
  });
}

/** A name with its length in front; some firmware fills it up with zeros. */
function countedName(reader: ByteReader): string {
  return latin1(withoutZeros(reader.take(reader.u8())));
}

/** UEFI_PLATFORM_FIRMWARE_BLOB: base and length; with a name in front, its second version. */
export function efiBlob(
  data: Uint8Array,
  named: boolean,
): { name?: string; base: bigint; length: bigint } | undefined {
  return tryRead(data, (reader) => {
    const name = named ? { name: countedName(reader) } : {};
    return { ...name, base: reader.u64le(), length: reader.u64le() };
  });
}

/** UEFI_HANDOFF_TABLE_POINTERS: a GUID and an address per table; with a name in front, its second version. */
export function efiTables(data: Uint8Array, named: boolean) {
  return tryRead(data, (reader) => {
    const name = named ? { name: countedName(reader) } : {};
    const length = count(reader);
    const tables: { guid: string; address: bigint }[] = [];
    while (tables.length < length) tables.push({ guid: guid(reader.take(16)), address: reader.u64le() });
    return { ...name, tables };
  });
}

const GPT_HEADER_SIZE = 92;
const GPT_DISK_GUID = 56;
const GPT_ENTRY_NAME = 56;

export interface GptPartition {
  guid: string;
  typeGuid: string;
  firstLba: bigint;
  lastLba: bigint;
  attributes: bigint;
  name: string;
  /** The name as it lies in the table, UTF-16 filled up with zeros. */
  nameBytes: Uint8Array;
}

/** UEFI_GPT_DATA: the partition table's header and the partitions in use. */
export function efiGpt(data: Uint8Array): { diskGuid: string; partitions: GptPartition[] } | undefined {
  return tryRead(data, (reader) => {
    const header = new ByteReader(reader.take(GPT_HEADER_SIZE));
    const disk = guid(header.bytes.subarray(GPT_DISK_GUID, GPT_DISK_GUID + 16));
    header.take(GPT_DISK_GUID + 16 + 8 + 4);
    const entrySize = header.u32le();
    const length = count(reader);
    const partitions: GptPartition[] = [];
    while (partitions.length < length) partitions.push(gptPartition(new ByteReader(reader.take(entrySize))));
    return { diskGuid: disk, partitions };
  });
}

function gptPartition(entry: ByteReader): GptPartition {
  const typeGuid = guid(entry.take(16));
  const own = guid(entry.take(16));
  const [firstLba, lastLba, attributes] = [entry.u64le(), entry.u64le(), entry.u64le()];
  const nameBytes = entry.bytes.subarray(GPT_ENTRY_NAME);
  return { guid: own, typeGuid, firstLba, lastLba, attributes, name: utf16(nameBytes), nameBytes };
}

export interface EfiSignatureList {
  /** GUID of the kind of signature: certificates, hashes, ... */
  type: string;
  /** Bytes of the whole list. */
  size: number;
  headerSize: number;
  /** Bytes of each signature, owner included. */
  signatureSize: number;
  signatures: { owner: string; data: Uint8Array }[];
}

const SIGNATURE_LIST_HEADER = 28;
const GUID_SIZE = 16;

/** EFI_SIGNATURE_LISTs: what the variables PK, KEK, db and dbx hold (UEFI 2.10, section 32.4.1). */
export function efiSignatureLists(value: Uint8Array): EfiSignatureList[] | undefined {
  return tryRead(value, (reader) => {
    const lists: EfiSignatureList[] = [];
    while (reader.left) {
      const type = guid(reader.take(GUID_SIZE));
      const [size, headerSize, signatureSize] = [reader.u32le(), reader.u32le(), reader.u32le()];
      reader.take(headerSize);
      const body = reader.take(size - SIGNATURE_LIST_HEADER - headerSize);
      if (signatureSize < GUID_SIZE || body.length % signatureSize) return undefined;
      const signatures = Array.from({ length: body.length / signatureSize }, (_, i) => {
        const one = body.subarray(i * signatureSize, (i + 1) * signatureSize);
        return { owner: guid(one.subarray(0, GUID_SIZE)), data: one.subarray(GUID_SIZE) };
      });
      lists.push({ type, size, headerSize, signatureSize, signatures });
    }
    return lists;
  });
}

export interface EfiLoadOption {
  /** LOAD_OPTION_ACTIVE. */
  active: boolean;
  /** Bytes of the device paths. */
  pathLength: number;
  description: string;
  /** The description as it lies in the variable, UTF-16. */
  descriptionBytes: Uint8Array;
  /** Device paths, then data of the program's own. */
  rest: Uint8Array;
}

/** EFI_LOAD_OPTION: what the variables Boot0000 and so on hold (UEFI 2.10, section 3.1.3). */
export function efiLoadOption(value: Uint8Array): EfiLoadOption | undefined {
  return tryRead(value, (reader) => {
    const active = (reader.u32le() & 1) !== 0;
    const pathLength = reader.u16le();
    const start = reader.offset;
    while (reader.u16le());
    const descriptionBytes = value.subarray(start, reader.offset);
    const rest = reader.take(reader.left);
    return { active, pathLength, description: utf16(descriptionBytes), descriptionBytes, rest };
  });
}
