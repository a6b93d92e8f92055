/**
 * For tests of this folder: the shapes of event logs that real machines have, each made here byte by byte, so that it
 * stays covered. What firmware, boot loaders and kernels are known to write is in the names.
 */
import { ByteWriter } from "../bytes/writer.ts";
import { type Alg, ascii, log12, log20, type MadeEvent, wide } from "./testing.ts";
import {
  blob,
  filePath,
  gpt,
  image,
  joined,
  loadOption,
  named,
  SOME_GUID,
  signatureList,
  smbiosTable,
  u32,
  variable,
} from "./testing-data.ts";
import { CCEL, WINDOWS } from "./testing-guests.ts";
import type { YamlDifferenceId } from "./yaml-differences.ts";
import type { YamlVersion } from "./yaml-text.ts";

export interface Shape {
  bytes: Uint8Array;
  /** Why tpm2_eventlog prints something else, or nothing; it prints the same bytes when this is not given. */
  differs?: YamlDifferenceId;
  /** The version in which it does; both when not given. */
  differsIn?: YamlVersion;
}

const ZEROS = new Uint8Array(4);
const event = (pcr: number, type: MadeEvent["type"], data: Uint8Array, measured?: Uint8Array): MadeEvent => ({
  pcr,
  type,
  data,
  ...(measured && { measured }),
});
const separators = [0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => event(pcr, "EV_SEPARATOR", ZEROS));
const filled = (log: Uint8Array, byte: number, size = 200) => joined(log, new Uint8Array(size).fill(byte));
const LOCALITY = event(0, "EV_NO_ACTION", ascii("StartupLocality\0\x03"));

/** EDK2, shim, GRUB and a kernel, as a distribution boots. */
const EFI: MadeEvent[] = [
  event(0, "EV_S_CRTM_VERSION", wide("1.0\0")),
  event(0, "EV_EFI_PLATFORM_FIRMWARE_BLOB", blob(0x90_0000, 0xc0_0000), ascii("firmware")),
  event(0, "EV_EFI_PLATFORM_FIRMWARE_BLOB2", named("PEI", blob(0x82_0000, 0xe_0000)), ascii("PEI")),
  event(0, "EV_POST_CODE", ascii("ACPI DATA"), ascii("tables")),
  event(7, "EV_EFI_VARIABLE_DRIVER_CONFIG", variable("SecureBoot", Uint8Array.of(1))),
  event(7, "EV_EFI_VARIABLE_DRIVER_CONFIG", variable("PK", signatureList(1))),
  event(7, "EV_EFI_VARIABLE_DRIVER_CONFIG", variable("dbx", signatureList(90))),
  event(1, "EV_EFI_HANDOFF_TABLES", smbiosTable, ascii("SMBIOS")),
  event(1, "EV_EFI_HANDOFF_TABLES2", named("SMBIOS", smbiosTable), ascii("SMBIOS")),
  event(1, "EV_EFI_VARIABLE_BOOT", variable("BootOrder", Uint8Array.of(1, 0, 0, 0))),
  event(1, "EV_EFI_VARIABLE_BOOT", variable("Boot0001", loadOption("debian")), loadOption("debian")),
  event(4, "EV_EFI_ACTION", ascii("Calling EFI Application from Boot Option")),
  ...separators,
  event(5, "EV_EFI_GPT_EVENT", gpt("EFI System", "root")),
  event(4, "EV_EFI_BOOT_SERVICES_APPLICATION", image(filePath("\\EFI\\BOOT\\BOOTX64.EFI")), ascii("shim")),
  event(7, "EV_EFI_VARIABLE_AUTHORITY", variable("db", joined(SOME_GUID, ascii("certificate")))),
  event(7, "EV_EFI_VARIABLE_AUTHORITY", variable("SbatLevel", ascii("sbat,1,2024\nshim,4\n"), SOME_GUID)),
  event(14, "EV_IPL", ascii("MokList\0"), ascii("keys")),
  event(8, "EV_IPL", ascii("grub_cmd: linux /vmlinuz\0"), ascii("linux /vmlinuz")),
  event(9, "EV_IPL", ascii("/vmlinuz\0"), ascii("kernel")),
  event(8, "EV_IPL", ascii("kernel_cmdline: quiet\0"), ascii("quiet")),
  event(9, "EV_EVENT_TAG", joined(u32(0x8f3b22ec, 13), ascii("Linux initrd\0")), ascii("initrd")),
  event(5, "EV_EFI_ACTION", ascii("Exit Boot Services Invocation")),
];

/** A BIOS of the time of TPM 1.2, with a boot from a disk. */
const BIOS: MadeEvent[] = [
  event(0, "EV_S_CRTM_VERSION", Uint8Array.of(0, 0)),
  event(0, "EV_S_CRTM_CONTENTS", blob(0xffff_0000, 0x1_0000), ascii("code")),
  event(0, "EV_POST_CODE", blob(0xfff0_0000, 0x10_0000), ascii("code")),
  event(1, "EV_CPU_MICROCODE", ascii("CPU microcode"), ascii("update")),
  event(1, "EV_PLATFORM_CONFIG_FLAGS", Uint8Array.of(0)),
  event(1, "EV_EVENT_TAG", joined(u32(1, 4), ascii("SMBI")), ascii("SMBIOS")),
  event(2, "EV_EVENT_TAG", joined(u32(7, 28), new Uint8Array(28).fill(3)), ascii("ROM")),
  event(2, "EV_ACTION", ascii("Start Option ROM Scan")),
  event(4, "EV_ACTION", ascii("Calling INT 19h")),
  ...separators,
  event(4, "EV_IPL", ascii("MBR"), ascii("sector")),
  event(5, "EV_IPL_PARTITION_DATA", ascii("MBR PARTITION_TABLE"), ascii("table")),
];

const ALL: Alg[] = ["sha1", "sha256", "sha384", "sha512"];
const efi = (algorithms: Alg[], ...more: MadeEvent[]) => log20(algorithms, [...EFI, ...more]);
const specId00 = joined(ascii("Spec ID Event00\0"), u32(0), Uint8Array.of(2, 1, 2, 2, 0));

export const LOG_SHAPES: Readonly<Record<string, Shape>> = {
  "EFI with one bank": { bytes: efi(["sha256"]) },
  "EFI with all banks": { bytes: efi(ALL) },
  "EFI with an SM3 bank": { bytes: efi(["sha256", "sm3_256"]) },
  "EFI with SHA-3 banks": {
    bytes: efi(["sha256", "sha3_256", "sha3_384", "sha3_512"]),
    differs: "sha3",
  },
  "EFI of TPM 1.2": { bytes: log12(EFI) },
  "EFI of TPM 1.2 whose variables are hashed by their values": {
    bytes: log12([
      event(7, "EV_EFI_VARIABLE_DRIVER_CONFIG", variable("SecureBoot", Uint8Array.of(0)), Uint8Array.of(0)),
      event(7, "EV_EFI_VARIABLE_DRIVER_CONFIG", variable("PK", signatureList(1)), signatureList(1)),
      event(7, "EV_EFI_VARIABLE_AUTHORITY", variable("db", signatureList(1)), signatureList(1)),
    ]),
  },
  "a BIOS of TPM 1.2": { bytes: log12(BIOS) },
  "a BIOS of TPM 1.2 that begins with its specification": {
    bytes: log12([event(0, "EV_NO_ACTION", specId00), ...BIOS]),
    differs: "note-first",
  },
  "an image with bytes behind its device path": {
    bytes: log12([
      event(4, "EV_EFI_BOOT_SERVICES_APPLICATION", image(new Uint8Array(), ascii("nine more")), ascii("x")),
      event(2, "EV_EFI_BOOT_SERVICES_DRIVER", image(filePath("\\a.efi"), Uint8Array.of(1, 2, 3)), ascii("x")),
    ]),
  },
  "an image whose device path is said to be longer than the event": {
    bytes: log20(
      ["sha1"],
      [event(4, "EV_EFI_BOOT_SERVICES_APPLICATION", image(filePath("\\a.efi"), ZEROS, 4000), ascii("x"))],
    ),
  },
  "the header alone": { bytes: log20(["sha1", "sha256"], [], { vendorInfo: ascii("vend") }) },
  "vendor's bytes behind the header's event": {
    bytes: log20(["sha1", "sha256"], [], { vendorInfo: ascii("vend"), outside: 4 }),
  },
  "vendor's bytes behind the header's event, and events": {
    bytes: log20(["sha256"], EFI, { vendorInfo: ascii("vendor"), outside: 4 }),
  },
  "more of the vendor's bytes announced than are there": {
    bytes: announced(log20(["sha256"], EFI), 9),
    differs: "vendor-info",
  },
  "zeros behind the last event": { bytes: filled(efi(["sha256"]), 0), differs: "area" },
  "0xFF behind the last event": { bytes: filled(efi(["sha256"]), 0xff), differs: "area" },
  "0xFF behind the last event of TPM 1.2": { bytes: filled(log12(BIOS), 0xff), differs: "area" },
  "a note of the locality alone": { bytes: log12([LOCALITY]), differs: "note-first" },
  "a start from locality 3": { bytes: log20(["sha256"], [LOCALITY, ...EFI]) },
  "a hardware's own measurement": {
    bytes: log20(["sha256"], [event(0, "EV_EFI_HCRTM_EVENT", ascii("HCRTM")), ...EFI]),
  },
  "notes for no PCR": {
    bytes: log12([event(0, "EV_S_CRTM_VERSION", Uint8Array.of(0, 0)), note(0xffff_ffff), ...separators]),
    differs: "note-without-pcr",
  },
  "notes for no PCR in a log of TPM 2.0": {
    bytes: log20(["sha256"], [note(0xffff_ffff), ...separators]),
    differs: "note-without-pcr",
  },
  "a note that was hashed": {
    bytes: log12([
      event(0, "EV_S_CRTM_VERSION", Uint8Array.of(0, 0)),
      { ...note(0xffff_ffff), measured: note(0xffff_ffff).data },
    ]),
    differs: "note-without-pcr",
  },
  "text filled up with zeros": {
    bytes: log12([event(0, "EV_NONHOST_INFO", joined(ascii("GCE NonHostInfo"), new Uint8Array(17)))]),
  },
  "a separator of Windows": { bytes: log12([event(12, "EV_SEPARATOR", ascii("WBCL"))]) },
  "separators of other values": {
    bytes: log12([0, 1, 2, 0xffff_ffff].map((value) => event(4, "EV_SEPARATOR", u32(value)))),
  },
  "settings of a maker": {
    bytes: log12([
      event(1, "EV_PLATFORM_CONFIG_FLAGS", Uint8Array.of(0)),
      event(6, "EV_COMPACT_HASH", ascii("Dell Configuration Information 1"), ascii("settings")),
      event(6, "EV_COMPACT_HASH", u32(0x41), ascii("code")),
    ]),
  },
  "systemd's stub": {
    bytes: log20(
      ["sha256"],
      [
        event(11, "EV_IPL", wide(".linux\0"), ascii("kernel")),
        event(12, "EV_IPL", wide("quiet splash\0")),
        event(13, "EV_IPL", wide("sysext\0"), ascii("cpio")),
        event(12, "EV_EVENT_TAG", joined(u32(0x13aed6db, 12), wide("quiet\0")), wide("quiet\0")),
      ],
    ),
  },
  "names that every object has": {
    bytes: log12(["constructor", "__proto__", "toString"].map((name) => event(8, "EV_IPL", ascii(name)))),
  },
  "types that are newer than the tool": {
    bytes: log20(
      ["sha256"],
      [
        event(1, "EV_EFI_GPT_EVENT2", gpt("a")),
        event(2, "EV_EFI_SPDM_FIRMWARE_BLOB", ascii("SPDM Device Sec\0")),
        event(3, "EV_EFI_SPDM_FIRMWARE_CONFIG", ascii("SPDM Device Sec\0")),
        event(0, "EV_POST_CODE2", named("code", blob(1, 2)), ascii("code")),
        event(0, 0x7777_7777, ascii("nobody knows")),
      ],
    ),
  },
  "partition tables": {
    bytes: log20(
      ["sha256"],
      [event(5, "EV_EFI_GPT_EVENT", gpt()), event(5, "EV_EFI_GPT_EVENT", gpt("a", "b"))],
    ),
  },
  "a partition's name in another language": {
    bytes: log20(["sha256"], [event(5, "EV_EFI_GPT_EVENT", gpt("für alles"))]),
    differs: "wide-text",
    differsIn: 2,
  },
  "a variable's name in another language": {
    bytes: log20(["sha256"], [event(1, "EV_EFI_VARIABLE_BOOT", variable("größe", ascii("1")))]),
    differs: "wide-text",
  },
  "a partition table that is cut off": {
    bytes: log20(["sha256"], [event(5, "EV_EFI_GPT_EVENT", gpt("a").subarray(0, 150))]),
    differs: "event-refused",
    differsIn: 2,
  },
  "an event without a bank's digest": {
    bytes: log20(
      ["sha1", "sha256"],
      [...EFI, { ...event(4, "EV_ACTION", ascii("x")), algorithms: ["sha1"] }],
    ),
  },
  "an event without digests": {
    bytes: log20(["sha1"], [{ ...event(4, "EV_ACTION", ascii("x")), algorithms: [] }, ...EFI]),
  },
  "an event with a digest that the header does not list": {
    bytes: log20(
      ["sha1"],
      [{ ...event(4, "EV_ACTION", ascii("x")), algorithms: ["sha1", "sha384"] }, ...EFI],
    ),
  },
  "a log that is cut off": { bytes: efi(["sha256"]).subarray(0, -7), differs: "cut-off" },
  "events without data": {
    bytes: log20(
      ["sha256"],
      [1, 4, 5, 6, 13, 0x8000_0007].map((type) => event(1, type, new Uint8Array())),
    ),
  },
  "a variable that is cut off": {
    bytes: log20(["sha256"], [event(7, "EV_EFI_VARIABLE_BOOT", ascii("too short"))]),
    differs: "event-refused",
  },
  ...WINDOWS,
  ...CCEL,
};

/** The log with another number of vendor's bytes in its header, which has none. */
function announced(log: Uint8Array, count: number): Uint8Array {
  const copy = log.slice();
  copy[new DataView(copy.buffer).getUint32(28, true) + 31] = count;
  return copy;
}

/** What Windows and old firmware note: a bare number. */
function note(pcr: number): MadeEvent {
  return event(pcr, "EV_NO_ACTION", new ByteWriter().u32le(0xc001_0004).finish());
}
