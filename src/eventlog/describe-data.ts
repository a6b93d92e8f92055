/** The data of an event in words, by event type. */
import { hexNumber, toHex } from "../bytes/hex.ts";
import { ByteReader } from "../bytes/reader.ts";
import { algorithmName } from "../tpm2/algorithms.ts";
import {
  devicePathFile,
  type EfiVariable,
  efiBlob,
  efiGpt,
  efiImage,
  efiLoadOption,
  efiSignatureLists,
  efiTables,
  efiVariable,
} from "./efi.ts";
import { type EventTypeName, eventTypeName } from "./event-types.ts";
import type { LogEvent } from "./log.ts";
import { startupLocality } from "./replay.ts";
import { asText, latin1, show } from "./text.ts";

/** One field of an event's data. */
export interface Detail {
  label: string;
  value: string;
}

export interface DataDescription {
  /** All of it in one line. */
  text: string;
  details: Detail[];
}

type Describer = (event: LogEvent) => DataDescription | undefined;

/** Describes the data of an event; data that does not have the form of its type is shown as text or hex. */
export function describeData(event: LogEvent): DataDescription {
  const name = eventTypeName(event.type);
  const described = name && DESCRIBERS[name]?.(event);
  return described ?? { text: show(event.data), details: [] };
}

const hex64 = (value: bigint) => `0x${value.toString(16).toUpperCase()}`;

function separator({ data }: LogEvent): DataDescription | undefined {
  if (data.length !== 4) return undefined;
  const value = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  if (value === 0 || value === 0xffff_ffff)
    return { text: "end of the firmware's part: no error", details: [] };
  return { text: `end of the firmware's part, after an error (${hexNumber(value)})`, details: [] };
}

function note(event: LogEvent): DataDescription | undefined {
  const locality = startupLocality(event);
  if (locality !== undefined) return { text: `the TPM was started from locality ${locality}`, details: [] };
  const signature = latin1(event.data.subarray(0, 15));
  if (signature !== "Spec ID Event03" && signature !== "Spec ID Event00") return undefined;
  const text = signature.endsWith("3") ? "header: a log with a digest for each bank" : "header: a SHA-1 log";
  if (event.data.length < 24) return { text, details: [] };
  const version = [event.data[21], event.data[20]].join(".");
  const details = [{ label: "specification", value: `${version}, errata ${event.data[22]}` }];
  if (signature.endsWith("3")) details.push({ label: "banks", value: headerBanks(event.data) });
  return { text, details };
}

function headerBanks(data: Uint8Array): string {
  const reader = new ByteReader(data.subarray(24));
  const count = reader.left >= 4 ? reader.u32le() : 0;
  const names: string[] = [];
  while (names.length < count && reader.left >= 4) {
    names.push(algorithmName(reader.u16le()));
    reader.take(2);
  }
  return names.join(", ");
}

/** TCG_PCClientTaggedEvent identifiers of the Conventional BIOS specification 1.21, table 14. */
const TAGS: Record<number, string> = {
  1: "SMBIOS structures",
  2: "BIS certificate",
  3: "strings of the BIOS ROM",
  4: "ESCD (device configuration)",
  5: "CMOS memory",
  6: "NVRAM",
  7: "an option ROM was run",
  8: "settings of an option ROM",
  9: "microcode of an option ROM",
  10: "version of the code that measures first",
  11: "code that measures first",
  12: "code of the power-on self-test",
  13: "table of devices",
  2403017452: "initrd loaded by Linux's EFI stub",
  2403017453: "load options given to Linux's EFI stub",
};
const OPTION_ROM_TAG = 7;

function tagged({ data }: LogEvent): DataDescription | undefined {
  if (data.length < 8) return undefined;
  const reader = new ByteReader(data);
  const id = reader.u32le();
  const size = reader.u32le();
  const body = data.subarray(8);
  const text = TAGS[id] ?? `tag ${hexNumber(id)}: ${show(body)}`;
  const details: Detail[] = [{ label: "tag", value: `${id}` }];
  if (id === OPTION_ROM_TAG && body.length >= 24) details.push(...optionRom(body));
  else if (body.length) details.push({ label: `data (${size} bytes)`, value: show(body) });
  return { text, details };
}

/** OptionROMExecute: a reserved word, the PCI address of the device, the ROM's SHA-1 digest. */
function optionRom(body: Uint8Array): Detail[] {
  const address = (body[2] ?? 0) | ((body[3] ?? 0) << 8);
  const [bus, slot, fn] = [address >> 8, (address >> 3) & 31, address & 7];
  const device = address
    ? `${bus.toString(16).padStart(2, "0")}:${slot.toString(16).padStart(2, "0")}.${fn}`
    : "not given";
  return [
    { label: "PCI device", value: device },
    { label: "SHA-1 of the ROM", value: toHex(body.subarray(4, 24)) },
  ];
}

function variable({ data }: LogEvent): DataDescription | undefined {
  const found = efiVariable(data);
  if (!found) return undefined;
  const value = variableValue(found) ?? show(found.value);
  return {
    text: `${found.name} = ${value}`,
    details: [
      { label: "variable", value: found.name },
      { label: "vendor", value: found.guid },
      { label: "value", value },
    ],
  };
}

/** The value in words, for variables that everyone meets. */
function variableValue({ name, value }: EfiVariable): string | undefined {
  if (name === "SecureBoot" && value.length === 1) return value[0] ? "on" : "off";
  if (name === "BootOrder" && value.length % 2 === 0) return bootOrder(value);
  if (/^Boot[0-9a-fA-F]{4}$/.test(name)) return loadOption(value);
  return ["PK", "KEK", "db", "dbx"].includes(name) ? signatures(value) : undefined;
}

function bootOrder(value: Uint8Array): string {
  const reader = new ByteReader(value);
  const entries = Array.from({ length: value.length / 2 }, () =>
    reader.u16le().toString(16).padStart(4, "0"),
  );
  return entries.map((number) => `Boot${number}`).join(", ");
}

function loadOption(value: Uint8Array): string | undefined {
  const option = efiLoadOption(value);
  return option && `"${option.description}"${option.active ? "" : " (not active)"}`;
}

function signatures(value: Uint8Array): string | undefined {
  const count = efiSignatureLists(value)?.reduce((sum, list) => sum + list.signatures.length, 0);
  return count === undefined ? undefined : count === 1 ? "1 key or hash" : `${count} keys or hashes`;
}

function image({ data }: LogEvent): DataDescription | undefined {
  const found = efiImage(data);
  if (!found) return undefined;
  const file = devicePathFile(found.devicePath);
  return {
    text: file ?? `an image of ${found.length} bytes`,
    details: [
      { label: "file", value: file ?? "not named" },
      { label: "loaded at", value: hex64(found.address) },
      { label: "length", value: `${found.length} bytes` },
    ],
  };
}

function blob(named: boolean): Describer {
  return ({ data }) => {
    const found = efiBlob(data, named);
    if (!found) return undefined;
    const where = `${found.length} bytes at ${hex64(found.base)}`;
    return { text: found.name ? `${found.name}: ${where}` : where, details: [] };
  };
}

/** Power-on code is named in words or given as a firmware blob. */
const postCode: Describer = (event) =>
  asText(event.data) === undefined && event.data.length === 16 ? blob(false)(event) : undefined;

/** GUIDs of tables that firmware hands over. */
const TABLE_NAMES: Record<string, string> = {
  "eb9d2d31-2d88-11d3-9a16-0090273fc14d": "SMBIOS",
  "f2fd1544-9794-4a2c-992e-e5bbcf20e394": "SMBIOS 3",
  "8868e871-e4f1-11d3-bc22-0080c73c8881": "ACPI",
};

function tables(named: boolean): Describer {
  return ({ data }) => {
    const found = efiTables(data, named);
    if (!found) return undefined;
    const details = found.tables.map((table) => ({
      label: TABLE_NAMES[table.guid] ?? table.guid,
      value: hex64(table.address),
    }));
    const names = details.map(({ label }) => label).join(", ");
    return { text: found.name ? `${found.name}: ${names}` : names || "no tables", details };
  };
}

function gpt({ data }: LogEvent): DataDescription | undefined {
  const found = efiGpt(data);
  if (!found) return undefined;
  const partitions = found.partitions.map(({ name, firstLba, lastLba, guid }) => ({
    label: name || guid,
    value: `sectors ${firstLba} to ${lastLba}`,
  }));
  return {
    text: `disk ${found.diskGuid}, ${found.partitions.length} partition(s)`,
    details: [{ label: "disk", value: found.diskGuid }, ...partitions],
  };
}

function compact({ data }: LogEvent): DataDescription | undefined {
  if (data.length !== 4) return undefined;
  return {
    text: `tag ${hexNumber(new DataView(data.buffer, data.byteOffset).getUint32(0, true))}`,
    details: [],
  };
}

/** What the firmware's short names for boot code stand for. */
const BOOT_CODE: Record<string, string> = {
  MBR: "boot sector of the disk (MBR: its code)",
  "MBR PARTITION_TABLE": "partition table of the disk (in its MBR)",
  "EL TORITO IPL": "boot image of the CD (El Torito)",
  "BOOT CATALOG": "boot catalogue of the CD",
};

function boot({ data }: LogEvent): DataDescription | undefined {
  const text = asText(data);
  const meaning = text && BOOT_CODE[text];
  return meaning ? { text: meaning, details: [{ label: "name", value: text }] } : undefined;
}

const DESCRIBERS: Partial<Record<EventTypeName, Describer>> = {
  EV_NO_ACTION: note,
  EV_SEPARATOR: separator,
  EV_EVENT_TAG: tagged,
  EV_POST_CODE: postCode,
  EV_S_CRTM_CONTENTS: postCode,
  EV_COMPACT_HASH: compact,
  EV_IPL: boot,
  EV_IPL_PARTITION_DATA: boot,
  EV_EFI_VARIABLE_DRIVER_CONFIG: variable,
  EV_EFI_VARIABLE_BOOT: variable,
  EV_EFI_VARIABLE_BOOT2: variable,
  EV_EFI_VARIABLE_AUTHORITY: variable,
  EV_EFI_BOOT_SERVICES_APPLICATION: image,
  EV_EFI_BOOT_SERVICES_DRIVER: image,
  EV_EFI_RUNTIME_SERVICES_DRIVER: image,
  EV_EFI_PLATFORM_FIRMWARE_BLOB: blob(false),
  EV_EFI_PLATFORM_FIRMWARE_BLOB2: blob(true),
  EV_EFI_HANDOFF_TABLES: tables(false),
  EV_EFI_HANDOFF_TABLES2: tables(true),
  EV_EFI_GPT_EVENT: gpt,
  EV_EFI_GPT_EVENT2: gpt,
};
