/**
 * An event's data in the lines of `tpm2_eventlog` 5.4. Lines are "binary" text, one character per byte, because that
 * tool copies bytes from the log into its output as they are.
 */
import { toHex } from "../bytes/hex.ts";
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import { efiBlob, efiGpt, efiImage, guid, isVariableEvent } from "./efi.ts";
import { type EventTypeName, eventTypeName } from "./event-types.ts";
import type { LogEvent } from "./log.ts";
import { startupLocality } from "./replay.ts";
import { cText, quotedLines, wideText, type YamlVersion } from "./yaml-text.ts";
import { yamlVariable } from "./yaml-variable.ts";

/** It shows so much of data that it does not take apart. */
const MOST_HEX_BYTES = 1024;
const BLOB_SIZE = 16;

/** The lines after `EventSize`, for an event with data. */
export function yamlData(event: LogEvent, version: YamlVersion): string[] {
  const name = eventTypeName(event.type);
  const writer = isVariableEvent(event.type) ? yamlVariable : name && WRITERS[name];
  return (
    tryWrite(() => writer?.(event, version)) ?? [
      `  Event: "${toHex(event.data.subarray(0, MOST_HEX_BYTES))}"`,
    ]
  );
}

function tryWrite(write: () => string[] | undefined): string[] | undefined {
  try {
    return write();
  } catch (error) {
    if (error instanceof ShortInputError) return undefined;
    throw error;
  }
}

type Writer = (event: LogEvent, version: YamlVersion) => string[] | undefined;

const hex = (value: bigint | number) => `0x${value.toString(16)}`;

const action: Writer = ({ data }) => ["  Event: |-", `    ${cText(data)}`];

const blob: Writer = ({ data }) => {
  const found = efiBlob(data, false);
  return found && ["  Event:", `    BlobBase: ${hex(found.base)}`, `    BlobLength: ${hex(found.length)}`];
};

const namedBlob: Writer = ({ data }) => {
  const size = data[0] ?? 0;
  const found = efiBlob(data.subarray(1 + size), false);
  return (
    found && [
      "  Event:",
      `    BlobDescriptionSize: ${size}`,
      `    BlobDescription: "${toHex(data.subarray(1, size))}"`, // without its last byte
      `    BlobBase: ${hex(found.base)}`,
      `    BlobLength: ${hex(found.length)}`,
    ]
  );
};

const postCode: Writer = (event, version) =>
  event.data.length === BLOB_SIZE ? blob(event, version) : action(event, version);

const text: Writer = ({ data }) => [
  "  Event:",
  "    String: |-",
  ...quotedLines(data).map((line) => `      ${line}`),
];

const image: Writer = ({ data }) => {
  const found = efiImage(data);
  return (
    found && [
      "  Event:",
      `    ImageLocationInMemory: ${hex(found.address)}`,
      `    ImageLengthInMemory: ${found.length}`,
      `    ImageLinkTimeAddress: ${hex(found.linkTimeAddress)}`,
      `    LengthOfDevicePath: ${found.pathLength}`,
      `    DevicePath: '${toHex(found.rest)}'`,
    ]
  );
};

const note: Writer = (event, version) => {
  const locality = startupLocality(event);
  if (version === 1 || locality === undefined) return undefined;
  return ["  Event:", `    StartupLocality: ${locality}`];
};

const gpt: Writer = ({ data }, version) => {
  const found = version === 2 && efiGpt(data);
  if (!found) return undefined;
  const header = new ByteReader(data);
  const fields = [
    ["Signature", () => `"${cText(header.take(8))}"`],
    ["Revision", () => hex(header.u32le())],
    ["HeaderSize", () => header.u32le()],
    ["HeaderCRC32", () => hex(header.u32le())],
    ["", () => header.take(4)],
    ["MyLBA", () => hex(header.u64le())],
    ["AlternateLBA", () => hex(header.u64le())],
    ["FirstUsableLBA", () => hex(header.u64le())],
    ["LastUsableLBA", () => hex(header.u64le())],
    ["DiskGUID", () => guid(header.take(16))],
    ["PartitionEntryLBA", () => hex(header.u64le())],
    ["NumberOfPartitionEntry", () => header.u32le()],
    ["SizeOfPartitionEntry", () => header.u32le()],
    ["PartitionEntryArrayCRC32", () => hex(header.u32le())],
  ] as const;
  const values = fields.map(([name, read]) => [name, read()] as const).filter(([name]) => name);
  return [
    "  Event:",
    "    Header:",
    ...values.map(([name, value]) => `      ${name}: ${value}`),
    `    NumberOfPartitions: ${found.partitions.length}`,
    "    Partitions:",
    ...found.partitions.flatMap((partition) => [
      `    - PartitionTypeGUID: ${partition.typeGuid}`,
      `      UniquePartitionGUID: ${partition.guid}`,
      `      StartingLBA: ${hex(partition.firstLba)}`,
      `      EndingLBA: ${hex(partition.lastLba)}`,
      `      Attributes: ${hex(partition.attributes)}`,
      `      PartitionName: "${wideText(partition.nameBytes)}"`,
    ]),
  ];
};

const WRITERS: Partial<Record<EventTypeName, Writer>> = {
  EV_POST_CODE: postCode,
  EV_S_CRTM_CONTENTS: blob,
  EV_EFI_PLATFORM_FIRMWARE_BLOB: blob,
  EV_EFI_PLATFORM_FIRMWARE_BLOB2: namedBlob,
  EV_EFI_ACTION: action,
  EV_IPL: text,
  EV_EFI_BOOT_SERVICES_APPLICATION: image,
  EV_EFI_BOOT_SERVICES_DRIVER: image,
  EV_EFI_RUNTIME_SERVICES_DRIVER: image,
  EV_EFI_GPT_EVENT: gpt,
  EV_NO_ACTION: note,
};
