/**
 * PCR 7 worked out from variables alone, by Node's own hash functions: what tests hold the TPM's value to.
 * Source: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.4.8 and 10.2.6.
 */
import { createHash } from "node:crypto";
import { guidBytes, VENDOR } from "../../protocol/uefi/guid.ts";
import { secureBootMode } from "../../protocol/uefi/secure-boot.ts";
import type { UefiVariable } from "../../protocol/uefi/variable-store.ts";

/** UEFI_VARIABLE_DATA: what is hashed of a variable. */
export function variableData(vendor: string, name: string, data: Uint8Array): Buffer {
  const lengths = Buffer.alloc(16);
  lengths.writeBigUInt64LE(BigInt(name.length), 0);
  lengths.writeBigUInt64LE(BigInt(data.length), 8);
  return Buffer.concat([guidBytes(vendor), lengths, Buffer.from(name, "utf16le"), data]);
}

/** What the firmware measures before it starts anything: mode and keys, and a separator. */
export function securePolicy(variables: readonly UefiVariable[]): Buffer[] {
  const value = (name: string) => variables.find((one) => one.name === name)?.data ?? new Uint8Array();
  const { GLOBAL, IMAGE_SECURITY } = VENDOR;
  return [
    variableData(GLOBAL, "SecureBoot", Uint8Array.of(secureBootMode(variables) === "on" ? 1 : 0)),
    variableData(GLOBAL, "PK", value("PK")),
    variableData(GLOBAL, "KEK", value("KEK")),
    variableData(IMAGE_SECURITY, "db", value("db")),
    variableData(IMAGE_SECURITY, "dbx", value("dbx")),
    Buffer.alloc(4),
  ];
}

const sha256 = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

/** A PCR after these were measured, SHA-256 in hex. */
export const measuredInto = (data: readonly Uint8Array[]): string =>
  data.reduce<Buffer>((pcr, one) => sha256(pcr, sha256(one)), Buffer.alloc(32)).toString("hex");
