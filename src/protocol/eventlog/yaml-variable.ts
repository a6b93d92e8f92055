/** EFI variables in the lines of `tpm2_eventlog` 5.4: hex in version 1, the better known ones taken apart in 2. */
import { toHex } from "../bytes/hex.ts";
import { ByteReader } from "../bytes/reader.ts";
import { efiLoadOption, efiSignatureLists, guid } from "./efi.ts";
import { type EventTypeName, eventTypeName } from "./event-types.ts";
import type { LogEvent } from "./log.ts";
import { quotedLines, wideText, type YamlVersion } from "./yaml-text.ts";

/** The lines after `EventSize` of a variable's event. @throws {ShortInputError} when the data is cut off. */
export function yamlVariable({ type, data }: LogEvent, version: YamlVersion): string[] {
  const reader = new ByteReader(data);
  const vendor = guid(reader.take(16));
  const [nameLength, valueLength] = [reader.u64le(), reader.u64le()];
  const name = wideText(reader.take(2 * Number(nameLength)));
  const value = reader.take(Number(valueLength));
  const taken = version === 2 ? takeApart(eventTypeName(type), name, value) : undefined;
  return [
    "  Event:",
    `    VariableName: ${vendor}`,
    `    UnicodeNameLength: ${nameLength}`,
    `    VariableDataLength: ${valueLength}`,
    `    UnicodeName: ${name}`,
    ...(taken
      ? ["    VariableData:", ...taken]
      : value.length
        ? [`    VariableData: "${toHex(value)}"`]
        : []),
  ];
}

/** The lines below `VariableData`, or undefined for a variable that stays in hex. */
function takeApart(type: EventTypeName | undefined, name: string, value: Uint8Array): string[] | undefined {
  switch (type) {
    case "EV_EFI_VARIABLE_DRIVER_CONFIG":
      if (["PK", "KEK", "db", "dbx"].includes(name)) return signatureLists(value);
      return name === "SecureBoot" ? enabled(value) : undefined;
    case "EV_EFI_VARIABLE_AUTHORITY":
      if (name === "MokListTrusted") return enabled(value);
      if (name === "db" || name === "Shim") return signature(value);
      if (name === "SbatLevel")
        return ["      String: |-", ...quotedLines(value).map((line) => `        ${line}`)];
      return undefined;
    case "EV_EFI_VARIABLE_BOOT":
    case "EV_EFI_VARIABLE_BOOT2":
      if (name === "BootOrder") return bootOrder(value);
      return /^Boot[0-9a-fA-F]{4}$/.test(name) ? loadOption(value) : undefined;
    default:
      return undefined;
  }
}

function enabled(value: Uint8Array): string[] | undefined {
  if (value.length > 1) return undefined;
  return [`      Enabled: ${value[0] ? "'Yes'" : "'No'"}`];
}

function signatureLists(value: Uint8Array): string[] | undefined {
  return efiSignatureLists(value)?.flatMap((list) => [
    `    - SignatureType: ${list.type}`,
    `      SignatureListSize: ${list.size}`,
    `      SignatureHeaderSize: ${list.headerSize}`,
    `      SignatureSize: ${list.signatureSize}`,
    "      Keys:",
    ...list.signatures.flatMap(({ owner, data }) => [
      `      - SignatureOwner: ${owner}`,
      `        SignatureData: ${toHex(data)}`,
    ]),
  ]);
}

function signature(value: Uint8Array): string[] | undefined {
  if (value.length < 16) return undefined;
  return [
    `    - SignatureOwner: ${guid(value.subarray(0, 16))}`,
    `      SignatureData: ${toHex(value.subarray(16))}`,
  ];
}

function bootOrder(value: Uint8Array): string[] | undefined {
  if (value.length % 2) return undefined;
  const reader = new ByteReader(value);
  return Array.from(
    { length: value.length / 2 },
    () => `    - Boot${reader.u16le().toString(16).padStart(4, "0")}`,
  );
}

function loadOption(value: Uint8Array): string[] | undefined {
  const option = efiLoadOption(value);
  return (
    option && [
      `      Enabled: ${option.active ? "'Yes'" : "'No'"}`,
      `      FilePathListLength: ${option.pathLength}`,
      `      Description: "${wideText(option.descriptionBytes)}"`,
      `      DevicePath: '${toHex(option.rest)}'`,
    ]
  );
}
