/**
 * Secure Boot's keys as variables (UEFI 2.10, chapter 32): enrolled, revoked and cleared in a machine that is off, as a
 * factory or an owner in front of the setup screen does it. Pure: lists of variables in and out.
 */
import { ByteWriter } from "../bytes/writer.ts";
import { efiSignatureLists } from "../eventlog/efi.ts";
import { guidBytes, VENDOR } from "./guid.ts";
import { ATTRIBUTE, efiTime, keyOf, type UefiVariable } from "./variable-store.ts";

const CERT_X509 = "a5c059a1-94e4-4aa7-87b5-ab155c2bf072";
const CERT_SHA256 = "c1c41626-504c-4092-aca9-41f936934328";
/** Who has put a key there; this project. */
export const OWNER = "77656274-706d-4e0b-9d9a-2c6a5f3d1e01";

/** X.509 certificates in DER. */
export interface SecureBootKeys {
  /** The owner of the platform: may change KEK. */
  pk: Uint8Array;
  /** May change db and dbx. */
  kek: Uint8Array;
  /** What it has signed is started. */
  db: Uint8Array;
}

/** What the variables of these names hold: EFI_SIGNATURE_LISTs, one behind the other. */
export interface SecureBootLists {
  pk: Uint8Array;
  kek: Uint8Array;
  db: Uint8Array;
  dbx?: Uint8Array;
}

/** What Secure Boot does with these variables at the next power-on. */
export type SecureBootMode =
  /** There is no platform key: anybody may set keys, and nothing is refused. */
  | "setup"
  /** There are keys, and it was switched off. */
  | "off"
  /** Images that no key has signed are refused. */
  | "on";

const KEY_ATTRIBUTES =
  ATTRIBUTE.NON_VOLATILE |
  ATTRIBUTE.BOOTSERVICE_ACCESS |
  ATTRIBUTE.RUNTIME_ACCESS |
  ATTRIBUTE.TIME_BASED_AUTHENTICATED_WRITE_ACCESS;

const PK = { vendor: VENDOR.GLOBAL, name: "PK" } as const;
const KEK = { vendor: VENDOR.GLOBAL, name: "KEK" } as const;
const DB = { vendor: VENDOR.IMAGE_SECURITY, name: "db" } as const;
const DBX = { vendor: VENDOR.IMAGE_SECURITY, name: "dbx" } as const;
const ENABLE = { vendor: VENDOR.SECURE_BOOT_ENABLE, name: "SecureBootEnable" } as const;
const CUSTOM = { vendor: VENDOR.CUSTOM_MODE, name: "CustomMode" } as const;

type Names = Pick<UefiVariable, "vendor" | "name">;
const find = (variables: readonly UefiVariable[], names: Names) =>
  variables.find((variable) => keyOf(variable) === keyOf(names));

/** All but these; and `added` behind them. */
function replaced(
  variables: readonly UefiVariable[],
  names: readonly Names[],
  added: readonly UefiVariable[] = [],
): UefiVariable[] {
  const gone = new Set(names.map(keyOf));
  return [...variables.filter((variable) => !gone.has(keyOf(variable))), ...added];
}

/** EFI_SIGNATURE_LIST with one signature. */
function signatureList(type: string, data: Uint8Array): Uint8Array {
  const size = 16 + data.length;
  return new ByteWriter()
    .bytes(guidBytes(type))
    .u32le(28 + size)
    .u32le(0)
    .u32le(size)
    .bytes(signatureData(data))
    .finish();
}

/** EFI_SIGNATURE_DATA: what PCR 7 has of the key that let an image start. @param owner who has put it there. */
export function signatureData(data: Uint8Array, owner = OWNER): Uint8Array {
  return new ByteWriter().bytes(guidBytes(owner)).bytes(data).finish();
}

/** Puts the keys in, in place of those that are there; Secure Boot is on from then. @param date milliseconds since 1970. */
export function enroll(
  variables: readonly UefiVariable[],
  { pk, kek, db }: SecureBootKeys,
  date: number,
): UefiVariable[] {
  const list = (certificate: Uint8Array) => signatureList(CERT_X509, certificate);
  return enrollLists(variables, { pk: list(pk), kek: list(kek), db: list(db) }, date);
}

/** The same with whole lists of signatures, as a vendor puts them in. */
export function enrollLists(
  variables: readonly UefiVariable[],
  { pk, kek, db, dbx }: SecureBootLists,
  date: number,
): UefiVariable[] {
  const time = efiTime(date);
  const one = (names: Names, data: Uint8Array): UefiVariable => ({
    ...names,
    attributes: KEY_ATTRIBUTES,
    time,
    data,
  });
  const added = [one(PK, pk), one(KEK, kek), one(DB, db), ...(dbx ? [one(DBX, dbx)] : [])];
  return replaced(variables, [PK, KEK, DB, DBX, ENABLE, CUSTOM], added);
}

/** The lists that are in these variables. @returns undefined where there is no platform key. */
export function enrolledLists(variables: readonly UefiVariable[]): SecureBootLists | undefined {
  const [pk, kek, db, dbx] = [PK, KEK, DB, DBX].map((names) => find(variables, names)?.data);
  return pk && kek && db && { pk, kek, db, ...(dbx && { dbx }) };
}

/** Takes all keys out: back to setup mode. */
export function clear(variables: readonly UefiVariable[]): UefiVariable[] {
  return replaced(variables, [PK, KEK, DB, DBX, ENABLE, CUSTOM]);
}

/** Refuses one image for good, whoever has signed it. @param digest its Authenticode SHA-256. */
export function revoke(variables: readonly UefiVariable[], digest: Uint8Array, date: number): UefiVariable[] {
  const before = find(variables, DBX)?.data ?? new Uint8Array();
  const data = new ByteWriter().bytes(before).bytes(signatureList(CERT_SHA256, digest)).finish();
  return replaced(variables, [DBX], [{ ...DBX, attributes: KEY_ATTRIBUTES, time: efiTime(date), data }]);
}

/** Switches Secure Boot on or off, with the keys as they are. */
export function switchSecureBoot(variables: readonly UefiVariable[], on: boolean): UefiVariable[] {
  const attributes = ATTRIBUTE.NON_VOLATILE | ATTRIBUTE.BOOTSERVICE_ACCESS;
  const data = Uint8Array.of(on ? 1 : 0);
  return replaced(variables, [ENABLE], [{ ...ENABLE, attributes, time: new Uint8Array(16), data }]);
}

export function secureBootMode(variables: readonly UefiVariable[]): SecureBootMode {
  if (!find(variables, PK)?.data.length) return "setup";
  return find(variables, ENABLE)?.data[0] === 0 ? "off" : "on";
}

/** Digests that dbx has, in the order of its lists. */
export function revoked(variables: readonly UefiVariable[]): Uint8Array[] {
  const lists = efiSignatureLists(find(variables, DBX)?.data ?? new Uint8Array()) ?? [];
  return lists
    .filter(({ type }) => type === CERT_SHA256)
    .flatMap(({ signatures }) => signatures.map(({ data }) => data));
}
