/** Tagged events (TCG_PCClientTaggedEvent) in words: those of BIOSes, of Linux's EFI stub, and of Windows. */
import { hexNumber, toHex } from "../bytes/hex.ts";
import { ByteReader } from "../bytes/reader.ts";
import type { DataDescription, Detail } from "./detail.ts";
import { describeSipa, isSipa } from "./sipa.ts";
import { show } from "./text.ts";

/** Identifiers of the Conventional BIOS specification 1.21, table 14, and of Linux' EFI stub. */
const TAGS: ReadonlyMap<number, string> = new Map([
  [1, "SMBIOS structures"],
  [2, "BIS certificate"],
  [3, "strings of the BIOS ROM"],
  [4, "ESCD (device configuration)"],
  [5, "CMOS memory"],
  [6, "NVRAM"],
  [7, "an option ROM was run"],
  [8, "settings of an option ROM"],
  [9, "microcode of an option ROM"],
  [10, "version of the code that measures first"],
  [11, "code that measures first"],
  [12, "code of the power-on self-test"],
  [13, "table of devices"],
  [0x8f3b22ec, "initrd loaded by Linux's EFI stub"],
  [0x8f3b22ed, "load options given to Linux's EFI stub"],
]);
const OPTION_ROM_TAG = 7;

/** Undefined for data that is no tagged record. */
export function describeTagged(data: Uint8Array): DataDescription | undefined {
  if (data.length < 8) return undefined;
  if (isSipa(data)) return describeSipa(data);
  const reader = new ByteReader(data);
  const id = reader.u32le();
  const size = reader.u32le();
  const body = data.subarray(8);
  const text = TAGS.get(id) ?? `tag ${hexNumber(id)}: ${show(body)}`;
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
