/** The variables of the machine's UEFI firmware in words: what each is, what it holds, what Secure Boot does by them. */
import { toHex } from "../../protocol/bytes/hex.ts";
import { own } from "../../protocol/bytes/own.ts";
import { efiSignatureLists } from "../../protocol/eventlog/efi.ts";
import { VENDOR } from "../../protocol/uefi/guid.ts";
import type { SecureBootMode } from "../../protocol/uefi/secure-boot.ts";
import { ATTRIBUTE, type UefiVariable } from "../../protocol/uefi/variable-store.ts";

/** What the page shows of them. */
export interface VariablesView {
  /** Undefined where none can be read. */
  list: readonly UefiVariable[] | undefined;
  /** Why none can be read, as a sentence. */
  problem?: string;
  /** Where they are: in the flash of the machine that runs, in what is kept of it, or nowhere yet. */
  from: "machine" | "kept" | "factory";
}

/** Like `PageActions`. A machine that runs is switched off for a change, and on again. */
export interface VariableActions {
  /** Reads them anew, where no machine runs that tells of them. */
  refresh(): void;
  /** Puts this server's keys in; Secure Boot is on then. */
  enroll(): void;
  /** The same with the keys of a PC from a shop. */
  enrollVendor(): void;
  /** Takes all keys out. */
  clear(): void;
  /** Puts this server's kernel on the list of what is refused. */
  revoke(): void;
  switchSecureBoot(on: boolean): void;
  remove(variable: UefiVariable): void;
  /** All variables as they leave the factory. */
  factory(): void;
}

export const SECURE_BOOT_WORDS: Record<SecureBootMode, string> = {
  setup:
    "Setup mode: there is no platform key. The firmware starts whatever it finds, and whoever runs first may put keys in.",
  off: "There are keys, and Secure Boot is switched off: the firmware starts whatever it finds.",
  on: "Secure Boot is on: the firmware starts only what a key in db has signed, and nothing that dbx names.",
};

const VENDORS: Readonly<Record<string, string>> = {
  [VENDOR.GLOBAL]: "UEFI",
  [VENDOR.IMAGE_SECURITY]: "Secure Boot",
  [VENDOR.SECURE_BOOT_ENABLE]: "edk2, Secure Boot",
  [VENDOR.CUSTOM_MODE]: "edk2, Secure Boot",
  [VENDOR.LOADER]: "systemd",
  [VENDOR.SHIM]: "shim",
};

/** Who a variable belongs to. */
export const vendorText = ({ vendor }: UefiVariable): string => own(VENDORS, vendor) ?? vendor;

const MEANINGS: Readonly<Record<string, string>> = {
  PK: "the platform key: its owner may change KEK",
  KEK: "key exchange keys: their owners may change db and dbx",
  db: "what may start: certificates whose signatures count, and digests",
  dbx: "what may not, whoever has signed it",
  SecureBootEnable: "the owner's switch",
  BootOrder: "in which order the boot options are tried",
  Timeout: "how long the firmware waits for a key, in seconds",
  ConOut: "where the firmware prints",
  ConIn: "which keyboards it reads",
  ErrOut: "where the firmware prints errors",
  Lang: "language",
  PlatformLang: "language",
  MTC: "how often it was switched on, among other things",
};

/** What it is for, in a few words; undefined for those that the page does not know. */
export function meaning({ name }: UefiVariable): string | undefined {
  const meaning = own(MEANINGS, name);
  if (meaning !== undefined) return meaning;
  if (/^Boot[0-9A-F]{4}$/.test(name)) return "a boot option";
  if (/^Key[0-9A-F]{4}$/.test(name)) return "a key that leads to a boot option";
  return undefined;
}

const ATTRIBUTES: readonly [bit: number, text: string][] = [
  [ATTRIBUTE.NON_VOLATILE, "kept"],
  [ATTRIBUTE.BOOTSERVICE_ACCESS, "for firmware"],
  [ATTRIBUTE.RUNTIME_ACCESS, "for the operating system"],
  [ATTRIBUTE.TIME_BASED_AUTHENTICATED_WRITE_ACCESS, "changed with a signature only"],
  [ATTRIBUTE.AUTHENTICATED_WRITE_ACCESS, "changed with a signature only (older kind)"],
];

export const attributesText = ({ attributes }: UefiVariable): string =>
  ATTRIBUTES.filter(([bit]) => attributes & bit)
    .map(([, text]) => text)
    .join(", ");

const LOAD_OPTION_ACTIVE = 1;
const MOST_TEXT = 60;

/** What it holds in words; undefined where only the bytes tell. */
export function contentText(variable: UefiVariable): string | undefined {
  const { name, data } = variable;
  if (["PK", "KEK", "db", "dbx"].includes(name)) return signaturesText(data);
  if (name === "BootOrder") return words(data).join(", ");
  if (/^Boot[0-9A-F]{4}$/.test(name)) return bootOption(data);
  if (data.length === 1 || name === "Timeout") return String(data[0]! | ((data[1] ?? 0) << 8));
  const text = Array.from(data, (byte) => String.fromCharCode(byte))
    .join("")
    .replace(/\0$/, "");
  return /^[\x20-\x7e]+$/.test(text) && text.length <= MOST_TEXT ? `“${text}”` : undefined;
}

function signaturesText(data: Uint8Array): string | undefined {
  const lists = efiSignatureLists(data);
  return lists
    ?.flatMap(({ signatures }) => signatures)
    .map(({ data: one }) => (one.length === 32 ? `image ${toHex(one).slice(0, 16)}…` : commonName(one)))
    .join(", ");
}

/** The subject's common name: the last attribute of that kind in a certificate (X.520, OID 2.5.4.3). */
function commonName(certificate: Uint8Array): string {
  const text = toHex(certificate);
  const at = text.lastIndexOf("0603550403");
  if (at < 0 || at % 2) return `a certificate of ${certificate.length} bytes`;
  const value = at / 2 + 5;
  const length = certificate[value + 1] ?? 0;
  return `“${new TextDecoder().decode(certificate.subarray(value + 2, value + 2 + length))}”`;
}

const words = (data: Uint8Array): string[] =>
  Array.from(
    { length: data.length >> 1 },
    (_, i) => `Boot${((data[2 * i + 1]! << 8) | data[2 * i]!).toString(16).padStart(4, "0").toUpperCase()}`,
  );

/** EFI_LOAD_OPTION (UEFI 2.10, section 3.1.3): attributes, length of the path, description, path, more. */
function bootOption(data: Uint8Array): string | undefined {
  let text = "";
  for (let at = 6; at + 1 < data.length; at += 2) {
    const unit = data[at]! | (data[at + 1]! << 8);
    if (unit === 0) return `“${text}”${data[0]! & LOAD_OPTION_ACTIVE ? "" : ", left out"}`;
    text += String.fromCharCode(unit);
  }
  return undefined;
}
