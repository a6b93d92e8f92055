/** The data of an event in words, by event type. */
import { hexNumber } from "../bytes/hex.ts";
import { ByteReader } from "../bytes/reader.ts";
import { viewOf } from "../bytes/view.ts";
import { algorithmName } from "../tpm2/algorithms.ts";
import { describeTagged } from "./describe-tagged.ts";
import type { DataDescription } from "./detail.ts";
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
import { LIMITS } from "./limits.ts";
import type { LogEvent } from "./log.ts";
import { startupLocality } from "./replay.ts";
import { describeSipa, isSipa, isWindowsSeparator } from "./sipa.ts";
import { asText, latin1, show } from "./text.ts";

/** The only value that says so. */
const SEPARATOR_ERROR = 1;

type Describer = (event: LogEvent) => DataDescription | undefined;

/** Describes the data of an event; data that does not have the form of its type is shown as text or hex. */
export function describeData(event: LogEvent): DataDescription {
  const name = eventTypeName(event.type);
  const described = name && DESCRIBERS[name]?.(event);
  if (!described) return { text: show(event.data), details: [] };
  const left = described.details.length - LIMITS.details;
  if (left <= 0) return described;
  const details = [...described.details.slice(0, LIMITS.details), { label: "and", value: `${left} more` }];
  return { text: beginningOf(described.text), details };
}

function beginningOf(text: string): string {
  return text.length > LIMITS.text ? `${text.slice(0, LIMITS.text)}…` : text;
}

const hex64 = (value: bigint) => `0x${value.toString(16).toUpperCase()}`;

function separator({ data }: LogEvent): DataDescription | undefined {
  if (data.length !== 4) return undefined;
  if (isWindowsSeparator(data))
    return { text: "here Windows' own measurements begin or end (WBCL)", details: [] };
  const value = viewOf(data).getUint32(0, true);
  const end = "end of the firmware's part";
  if (value === 0 || value === 0xffff_ffff) return { text: `${end}: no error`, details: [] };
  if (value === SEPARATOR_ERROR) return { text: `${end}, after an error (${hexNumber(value)})`, details: [] };
  return { text: `a separator of another kind: ${show(data)}`, details: [] };
}

function note(event: LogEvent): DataDescription | undefined {
  const locality = startupLocality(event);
  if (locality !== undefined) return { text: `the TPM was started from locality ${locality}`, details: [] };
  if (isSipa(event.data)) return describeSipa(event.data);
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
  const behind = found.rest.subarray(found.devicePath.length);
  return {
    text: file ?? `an image of ${found.length} bytes`,
    details: [
      { label: "file", value: file ?? "not named" },
      { label: "loaded at", value: hex64(found.address) },
      { label: "length", value: `${found.length} bytes` },
      ...(behind.length ? [{ label: "behind the device path", value: show(behind) }] : []),
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
const TABLE_NAMES: ReadonlyMap<string, string> = new Map([
  ["eb9d2d31-2d88-11d3-9a16-0090273fc14d", "SMBIOS"],
  ["f2fd1544-9794-4a2c-992e-e5bbcf20e394", "SMBIOS 3"],
  ["8868e871-e4f1-11d3-bc22-0080c73c8881", "ACPI"],
]);

function tables(named: boolean): Describer {
  return ({ data }) => {
    const found = efiTables(data, named);
    if (!found) return undefined;
    const details = found.tables.map((table) => ({
      label: TABLE_NAMES.get(table.guid) ?? table.guid,
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
    text: `tag ${hexNumber(viewOf(data).getUint32(0, true))}`,
    details: [],
  };
}

/** What the firmware's short names for boot code stand for. */
const BOOT_CODE: ReadonlyMap<string, string> = new Map([
  ["MBR", "boot sector of the disk (MBR: its code)"],
  ["MBR PARTITION_TABLE", "partition table of the disk (in its MBR)"],
  ["EL TORITO IPL", "boot image of the CD (El Torito)"],
  ["BOOT CATALOG", "boot catalogue of the CD"],
]);
const LONGEST_BOOT_CODE = 32;

function boot({ data }: LogEvent): DataDescription | undefined {
  const text = data.length > LONGEST_BOOT_CODE ? undefined : asText(data);
  const meaning = text && BOOT_CODE.get(text);
  return meaning ? { text: meaning, details: [{ label: "name", value: text }] } : undefined;
}

const DESCRIBERS: Partial<Record<EventTypeName, Describer>> = {
  EV_NO_ACTION: note,
  EV_SEPARATOR: separator,
  EV_EVENT_TAG: ({ data }) => describeTagged(data),
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
