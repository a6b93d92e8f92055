/**
 * UEFI's variables as edk2 keeps them in flash: a firmware volume with the store of authenticated variables, and behind
 * it the area of fault-tolerant writing. Reads the variables that count, and makes a flash that has others.
 * Source: edk2, MdeModulePkg/Include/Guid/VariableFormat.h; UEFI 2.10, section 8.2.
 */
import { ByteReader } from "../bytes/reader.ts";
import { viewOf } from "../bytes/view.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { withFinishedWrite } from "./fault-tolerant-write.ts";
import { guidBytes, guidText } from "./guid.ts";

/** EFI_VARIABLE_*. */
export const ATTRIBUTE = {
  NON_VOLATILE: 0x01,
  BOOTSERVICE_ACCESS: 0x02,
  RUNTIME_ACCESS: 0x04,
  HARDWARE_ERROR_RECORD: 0x08,
  AUTHENTICATED_WRITE_ACCESS: 0x10,
  TIME_BASED_AUTHENTICATED_WRITE_ACCESS: 0x20,
  APPEND_WRITE: 0x40,
} as const;

export interface UefiVariable {
  vendor: string;
  name: string;
  /** Bits of `ATTRIBUTE`. */
  attributes: number;
  /** EFI_TIME, of an authenticated variable: 16 bytes, zeros for others. */
  time: Uint8Array;
  data: Uint8Array;
}

/** What is in a flash is no store of variables, or has no room. */
export class VariableStoreError extends Error {
  override name = "VariableStoreError";
}

const SYSTEM_NV_DATA = "fff12b8d-7696-4c8b-a985-2747075b4f50";
const AUTHENTICATED_STORE = "aaf32c78-947b-439a-a180-2e144ec37792";
const VOLUME = { GUID_AT: 16, HEADER_LENGTH_AT: 48 } as const;
const STORE_HEADER = 28;
const FORMATTED = 0x5a;
const HEALTHY = 0xfe;

const START = 0x55aa;
const HEADER = 60;
const TIME = 16;
/** Bits that are cleared as a variable goes through its life; flash is written from ones to zeros. */
const ADDED = 0x3f;
/** A newer one is being written, and is not there yet. */
const ADDED_IN_TRANSITION = 0x3e;
const ERASED = 0xff;
/** A field of 32 bits that was never written. */
const NEVER_WRITTEN = 0xffff_ffff;
const aligned = (at: number) => (at + 3) & ~3;

/** Where in the flash the variables lie. @throws {VariableStoreError} */
function storeIn(flash: Uint8Array): { start: number; end: number } {
  const refuse = (what: string) => new VariableStoreError(`this is no flash with UEFI's variables: ${what}`);
  if (flash.length < 0x1000) throw refuse(`it has ${flash.length} bytes`);
  const view = viewOf(flash);
  if (guidText(flash.subarray(VOLUME.GUID_AT, VOLUME.GUID_AT + 16)) !== SYSTEM_NV_DATA)
    throw refuse("it does not begin with a volume for them");
  const at = view.getUint16(VOLUME.HEADER_LENGTH_AT, true);
  if (at + STORE_HEADER > flash.length) throw refuse("its volume's header is longer than the flash");
  if (guidText(flash.subarray(at, at + 16)) !== AUTHENTICATED_STORE)
    throw refuse("its store is not of the authenticated kind");
  const end = at + view.getUint32(at + 16, true);
  if (end > flash.length || flash[at + 20] !== FORMATTED || flash[at + 21] !== HEALTHY)
    throw refuse("its store is not formatted");
  return { start: at + STORE_HEADER, end };
}

/**
 * The variables that count, in the order in which they lie there: those that the firmware has at the next power-on.
 * @throws {VariableStoreError} when there is no store.
 */
export function readVariables(content: Uint8Array): UefiVariable[] {
  const flash = withFinishedWrite(content);
  const { start, end } = storeIn(flash);
  const found: (UefiVariable & { state: number })[] = [];
  for (let at = aligned(start); at + HEADER <= end; ) {
    const reader = new ByteReader(flash.subarray(at, end));
    if (reader.u16le() !== START) break;
    const state = reader.u8();
    reader.take(1);
    const attributes = reader.u32le();
    reader.take(8); // a counter of an older kind
    const time = reader.take(TIME).slice();
    reader.take(4); // the same of a key
    const nameSize = reader.u32le();
    const dataSize = reader.u32le();
    const vendor = guidText(reader.take(16));
    if (state === ERASED || [attributes, nameSize, dataSize].includes(NEVER_WRITTEN)) {
      // The power went while this header was written: edk2 goes on right behind it.
      at = aligned(at + HEADER);
      continue;
    }
    if (nameSize + dataSize > reader.left) break;
    const name = utf16Text(reader.take(nameSize));
    const data = reader.take(dataSize).slice();
    if (state === ADDED || state === ADDED_IN_TRANSITION)
      found.push({ vendor, name, attributes, time, data, state });
    at = aligned(at + HEADER + nameSize + dataSize);
  }
  const whole = new Set(found.filter(({ state }) => state === ADDED).map(keyOf));
  return found
    .filter((variable) => variable.state === ADDED || !whole.has(keyOf(variable)))
    .map(({ state: _, ...variable }) => variable);
}

/** One text for the two names that tell variables apart. */
export const keyOf = ({ vendor, name }: Pick<UefiVariable, "vendor" | "name">) => `${vendor} ${name}`;

/**
 * A flash with these variables and no others.
 * @param factory the flash as it leaves the factory: nothing is under way in it.
 * @throws {VariableStoreError} when they have no room, or `factory` is none.
 */
export function writeVariables(
  factory: Uint8Array,
  variables: readonly UefiVariable[],
): Uint8Array<ArrayBuffer> {
  const { start, end } = storeIn(factory);
  const flash = Uint8Array.from(factory).fill(ERASED, start, end);
  let at = aligned(start);
  for (const { vendor, name, attributes, time, data } of variables) {
    const text = utf16Bytes(name);
    const bytes = new ByteWriter()
      .u16le(START)
      .u8(ADDED)
      .u8(0)
      .u32le(attributes)
      .zeros(8)
      .bytes(time)
      .u32le(0)
      .u32le(text.length)
      .u32le(data.length)
      .bytes(guidBytes(vendor))
      .bytes(text)
      .bytes(data)
      .finish();
    if (at + bytes.length > end)
      throw new VariableStoreError(
        `the flash has no room for ${variables.length} variables: ${name} does not fit`,
      );
    flash.set(bytes, at);
    at = aligned(at + bytes.length);
  }
  return flash;
}

/** UTF-16 with a zero behind it. */
function utf16Bytes(text: string): Uint8Array {
  const writer = new ByteWriter();
  for (let i = 0; i < text.length; i++) writer.u16le(text.charCodeAt(i));
  return writer.u16le(0).finish();
}

function utf16Text(bytes: Uint8Array): string {
  const reader = new ByteReader(bytes);
  let text = "";
  while (reader.left >= 2) {
    const unit = reader.u16le();
    if (unit === 0) break;
    text += String.fromCharCode(unit);
  }
  return text;
}

/** EFI_TIME in UTC. @param date milliseconds since 1970. */
export function efiTime(date: number): Uint8Array {
  const at = new Date(date);
  return new ByteWriter()
    .u16le(at.getUTCFullYear())
    .bytes([at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()])
    .zeros(TIME - 7)
    .finish();
}
