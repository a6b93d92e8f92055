/** For tests of this folder: logs that Windows writes (WBCL), and those of confidential VMs (CCEL). */
import { type Alg, ascii, log20, type MadeEvent, wide } from "./testing.ts";
import {
  blob,
  filePath,
  image,
  joined,
  named,
  signatureList,
  sipa,
  smbiosTable,
  u32,
  variable,
} from "./testing-data.ts";
import type { Shape } from "./testing-shapes.ts";

const tagged = (pcr: number, data: Uint8Array): MadeEvent => ({ pcr, type: "EV_EVENT_TAG", data });
const separator = (pcr: number, data: Uint8Array): MadeEvent => ({ pcr, type: "EV_SEPARATOR", data });
const WBCL = ascii("WBCL");
const flag = (type: number, value: boolean) => sipa(type, Uint8Array.of(Number(value)));

/** What the boot manager writes of a file that it loaded. */
const loaded = (path: string) =>
  sipa(
    0x4001_0003,
    sipa(0x7_0001, wide(`${path}\0`)),
    sipa(0x7_0002, blob(0x12_3000, 0).subarray(0, 8)),
    sipa(0x7_0003, u32(0x800c)),
    sipa(0x7_0004, new Uint8Array(32).fill(0xaa)),
    flag(0x7_000a, true),
  );

const WBCL_EVENTS: MadeEvent[] = [
  tagged(11, sipa(0x4001_0001, sipa(0x2_0002, blob(42, 0).subarray(0, 8)), flag(0x4_0001, false))),
  tagged(12, sipa(0x2_0005, u32(4))),
  tagged(
    13,
    sipa(
      0x4001_0001,
      flag(0x5_0001, true),
      flag(0x5_0003, false),
      sipa(0x5_0009, wide("\\Windows\0")),
      loaded("\\Windows\\system32\\ntoskrnl.exe"),
      loaded("\\Windows\\system32\\hal.dll"),
      sipa(0x4001_0002, sipa(0x9_0001, wide("AV\0")), sipa(0x9_0002, ascii("config"))),
    ),
  ),
  tagged(12, joined(flag(0xa_0001, true), flag(0xa_0002, true), sipa(0x5_00ff, ascii("??")))),
  tagged(14, sipa(0x6_0002, new Uint8Array(40).fill(7))),
  tagged(13, u32(0x7_0001, 4000, 0x41)),
  ...[11, 12, 13, 14].map((pcr) => separator(pcr, WBCL)),
];

/** Records in records, deeper than any Windows nests them. */
const deep = (levels: number): Uint8Array =>
  levels ? sipa(0x4001_0001, deep(levels - 1)) : flag(0x5_0001, true);

const TRUST_POINT: MadeEvent = {
  pcr: 0xffff_ffff,
  type: "EV_NO_ACTION",
  data: sipa(0xc001_0004, sipa(0x8008_0003, wide("WindowsAIK\0"))),
};

export const WINDOWS: Readonly<Record<string, Shape>> = {
  "a WBCL of Windows": { bytes: log20(["sha1", "sha256"], WBCL_EVENTS) },
  "a WBCL of Windows with its trust point": {
    bytes: log20(["sha256"], [...WBCL_EVENTS, TRUST_POINT]),
    differs: "note-without-pcr",
  },
  "a WBCL with records nested deeply": { bytes: log20(["sha256"], [tagged(13, deep(100))]) },
};

const SHA384: Alg[] = ["sha384"];
const CCEL_EVENTS: MadeEvent[] = [
  { pcr: 1, type: "EV_EFI_HANDOFF_TABLES2", data: named("td_hob\0\0", smbiosTable), measured: ascii("hob") },
  { pcr: 1, type: "EV_EFI_PLATFORM_FIRMWARE_BLOB2", data: named("CFV", blob(1, 2)), measured: ascii("cfv") },
  { pcr: 1, type: "EV_EFI_VARIABLE_DRIVER_CONFIG", data: variable("SecureBoot", Uint8Array.of(1)) },
  { pcr: 1, type: "EV_EFI_VARIABLE_DRIVER_CONFIG", data: variable("db", signatureList(2)) },
  separator(1, u32(0)),
  separator(2, u32(0)),
  {
    pcr: 2,
    type: "EV_EFI_BOOT_SERVICES_APPLICATION",
    data: image(filePath("\\EFI\\BOOT\\BOOTX64.EFI")),
    measured: ascii("shim"),
  },
  { pcr: 3, type: "EV_IPL", data: ascii("grub_cmd: linux /vmlinuz\0"), measured: ascii("linux /vmlinuz") },
  { pcr: 3, type: "EV_IPL", data: ascii("/vmlinuz\0"), measured: ascii("kernel") },
  { pcr: 4, type: 0x4000, data: ascii("an application's own") },
];

export const CCEL: Readonly<Record<string, Shape>> = {
  "a CCEL of a confidential VM": { bytes: log20(SHA384, CCEL_EVENTS) },
  "a CCEL of a confidential VM in its area": {
    bytes: joined(log20(SHA384, CCEL_EVENTS), new Uint8Array(0x1000).fill(0xff)),
    differs: "area",
  },
};
