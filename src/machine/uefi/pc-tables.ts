/**
 * The ACPI tables of the PC for UEFI firmware, which makes none itself: it takes them from fw_cfg with the script that
 * links them. What is there: v86's power management (FADT), its interrupt controllers (MADT), its buses and ISA devices
 * (DSDT, from pc.asl), and whatever else is given, e.g. the TPM's tables. Source: ACPI 6.4, chapter 5.
 */
import { fromHex } from "../../protocol/bytes/hex.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { MAKER, table } from "../firmware/table.ts";
import type { FwCfgFile } from "./fw-cfg.ts";
import { PC_AML } from "./pc-aml.ts";
import { TableLoaderScript, ZONE } from "./table-loader.ts";

/** Names under which firmware looks for them. */
const TABLES = "etc/acpi/tables";
const RSDP = "etc/acpi/rsdp";
const LOADER = "etc/table-loader";

/** v86's ACPI ports, where PIIX4 has them with its base at 0xB000, which is what OVMF sets. */
const PM = { EVENT: 0xb000, CONTROL: 0xb004, TIMER: 0xb008, GPE0: 0xafe0 } as const;
const SCI = 9;
const CMOS_CENTURY = 0x32;
/** Longer than any that is used: there are no such states. */
const NO_LATENCY = 0xfff;
/** FADT flags: WBINVD works, C1 is there; power and sleep button are no fixed features (there are none). */
const FADT_FLAGS = 0x01 | 0x04 | 0x10 | 0x20;

const FACS_SIZE = 64;
const TABLE_CHECKSUM_AT = 9;
const HEADER_SIZE = 36;
const FADT_FACS_AT = 36;
const FADT_DSDT_AT = 40;
const RSDP_SIZE = 20;
const RSDP_CHECKSUM_AT = 8;
const RSDP_RSDT_AT = 16;

const LOCAL_APIC = 0xfee0_0000;
const IO_APIC = 0xfec0_0000;
/** PCI's interrupts, which are level-triggered and active high on this chip set. */
const PCI_IRQS = [5, 9, 10, 11];
const LEVEL_ACTIVE_HIGH = 0x0d;
const NMI_PIN = 1;

function facs(): Uint8Array {
  return new ByteWriter()
    .ascii("FACS")
    .u32le(FACS_SIZE)
    .zeros(FACS_SIZE - 8)
    .finish();
}

/** Revision 1. There is no SMI command: the hardware is in ACPI mode always. */
function fadt(facsAt: number, dsdtAt: number): Uint8Array {
  const body = new ByteWriter()
    .u32le(facsAt)
    .u32le(dsdtAt)
    .u8(1) // the interrupts are an APIC's
    .u8(0)
    .u16le(SCI)
    .zeros(4 + 4) // SMI_CMD, and what to write there
    .u32le(PM.EVENT)
    .u32le(0)
    .u32le(PM.CONTROL)
    .u32le(0)
    .u32le(0)
    .u32le(PM.TIMER)
    .u32le(PM.GPE0)
    .u32le(0)
    .bytes([4, 2, 0, 4, 4, 0, 0, 0]) // lengths of these blocks
    .u16le(NO_LATENCY)
    .u16le(NO_LATENCY)
    .zeros(2 + 2 + 1 + 1) // cache flushing, duty cycle
    .zeros(2) // alarms
    .u8(CMOS_CENTURY)
    .zeros(2 + 1)
    .u32le(FADT_FLAGS);
  return table("FACP", 1, body.finish());
}

function madt(): Uint8Array {
  const body = new ByteWriter().u32le(LOCAL_APIC).u32le(1); // a pair of 8259s is there as well
  body.bytes([0, 8, 0, 0]).u32le(1); // the processor's local APIC
  body.bytes([1, 12, 0, 0]).u32le(IO_APIC).u32le(0);
  for (const irq of PCI_IRQS) body.bytes([2, 10, 0, irq]).u32le(irq).u16le(LEVEL_ACTIVE_HIGH);
  body.bytes([4, 6, 0xff, 0, 0, NMI_PIN]);
  return table("APIC", 1, body.finish());
}

/**
 * The files for fw_cfg.
 * @param more whole tables with checksums.
 */
export function pcAcpiFiles(more: readonly Uint8Array[]): FwCfgFile[] {
  const tables = new ByteWriter();
  const script = new TableLoaderScript()
    .allocate(RSDP, 16, ZONE.F_SEGMENT)
    .allocate(TABLES, FACS_SIZE, ZONE.HIGH);
  const put = (bytes: Uint8Array): number => {
    const at = tables.length;
    tables.bytes(bytes);
    return at;
  };
  /** A table whose checksum the firmware makes; edk2 takes the byte for 0 before. */
  const putUnchecked = (bytes: Uint8Array): number => {
    bytes[TABLE_CHECKSUM_AT] = 0;
    return put(bytes);
  };
  const checked = (at: number, length: number) =>
    script.addChecksum(TABLES, at + TABLE_CHECKSUM_AT, at, length);

  const facsAt = put(facs());
  const dsdtAt = put(table("DSDT", 1, fromHex(PC_AML)));
  const fixed = fadt(facsAt, dsdtAt);
  const fadtAt = putUnchecked(fixed);
  script.addPointer(TABLES, fadtAt + FADT_FACS_AT, TABLES).addPointer(TABLES, fadtAt + FADT_DSDT_AT, TABLES);
  checked(fadtAt, fixed.length);
  const listed = [fadtAt, ...[madt(), ...more].map(put)];

  const addresses = listed.reduce((writer, at) => writer.u32le(at), new ByteWriter()).finish();
  const rsdt = table("RSDT", 1, addresses);
  const rsdtAt = putUnchecked(rsdt);
  for (const [index] of listed.entries()) script.addPointer(TABLES, rsdtAt + HEADER_SIZE + 4 * index, TABLES);
  checked(rsdtAt, rsdt.length);

  const rsdp = new ByteWriter().ascii("RSD PTR ").u8(0).ascii(MAKER.oemId).u8(0).u32le(rsdtAt).finish();
  script.addPointer(RSDP, RSDP_RSDT_AT, TABLES).addChecksum(RSDP, RSDP_CHECKSUM_AT, 0, RSDP_SIZE);
  return [
    { name: RSDP, data: rsdp },
    { name: TABLES, data: tables.finish() },
    { name: LOADER, data: script.finish() },
  ];
}
