/** The PC's ACPI tables as firmware links them, against `iasl`, the reference compiler (Debian: acpica-tools). */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { compiledPc } from "../../node/tools/pc-aml.ts";
import { ByteReader } from "../../protocol/bytes/reader.ts";
import { ssdt, tpm2Table } from "../firmware/acpi.ts";
import { PC_AML } from "./pc-aml.ts";
import { pcAcpiFiles } from "./pc-tables.ts";

const scratch = mkdtempSync(join(tmpdir(), "webtpm-pc-tables-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const BASE: Record<string, number> = { "etc/acpi/tables": 0x7fd_0000, "etc/acpi/rsdp": 0xf_5a40 };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replace(/\0.*$/s, "");
const sum = (bytes: Uint8Array) => bytes.reduce((total, value) => total + value, 0) & 0xff;

/** Runs the script as firmware does. */
function linked(more: readonly Uint8Array[] = []): Map<string, Uint8Array> {
  const files = new Map(pcAcpiFiles(more).map(({ name, data }) => [name, data.slice()]));
  const script = files.get("etc/table-loader")!;
  for (let at = 0; at < script.length; at += 128) {
    const entry = new ByteReader(script.subarray(at, at + 128));
    const command = entry.u32le();
    const file = files.get(text(entry.take(56)))!;
    if (command === 2) {
      const target = BASE[text(entry.take(56))]!;
      const offset = entry.u32le();
      expect(entry.u8()).toBe(4);
      const view = new DataView(file.buffer);
      view.setUint32(offset, view.getUint32(offset, true) + target, true);
    } else if (command === 3) {
      const [offset, start, length] = [entry.u32le(), entry.u32le(), entry.u32le()];
      // SeaBIOS subtracts the sum from what is there, edk2 puts it in place of that.
      expect(file[offset]).toBe(0);
      file[offset] = -sum(file.subarray(start, start + length));
    } else expect(command).toBe(1);
  }
  return files;
}

/** What a table's address leads to. */
function at(files: Map<string, Uint8Array>, address: number): Uint8Array {
  const tables = files.get("etc/acpi/tables")!;
  const from = address - BASE["etc/acpi/tables"]!;
  return tables.subarray(from, from + new DataView(tables.buffer).getUint32(from + 4, true));
}

/** What iasl reads in a data table, by field name. */
function disassembled(table: Uint8Array): { fields: Record<string, string>; complaints: string[] } {
  writeFileSync(join(scratch, "table.dat"), table);
  execFileSync("iasl", ["-d", "table.dat"], { cwd: scratch, stdio: "pipe" });
  const shown = readFileSync(join(scratch, "table.dsl"), "utf8");
  const rows = shown.matchAll(/^\[[^\]]+\]\s+([^:]+?) : (.*)$/gm);
  return {
    fields: Object.fromEntries(Array.from(rows, ([, name, value]) => [name!, value!.trim()])),
    complaints: shown.match(/incorrect|invalid|should be|warning|error/gi) ?? [],
  };
}

describe("the PC's ACPI tables", () => {
  it("keep the DSDT as iasl compiles pc.asl now", () => {
    expect(compiledPc()).toBe(PC_AML);
  });

  it("lead from the root pointer to every table, with right checksums", () => {
    const tpm = [tpm2Table(), ssdt("2.0")];
    const files = linked(tpm);
    const rsdp = files.get("etc/acpi/rsdp")!;
    expect([text(rsdp.subarray(0, 8)), sum(rsdp), rsdp.length]).toEqual(["RSD PTR ", 0, 20]);
    const rsdt = at(files, new DataView(rsdp.buffer).getUint32(16, true));
    const pointers = new ByteReader(rsdt.subarray(36));
    const tables = Array.from({ length: (rsdt.length - 36) / 4 }, () => at(files, pointers.u32le()));
    expect(tables.map((table) => text(table.subarray(0, 4)))).toEqual(["FACP", "APIC", "TPM2", "SSDT"]);
    const fadt = new DataView(tables[0]!.slice().buffer);
    const [facs, dsdt] = [at(files, fadt.getUint32(36, true)), at(files, fadt.getUint32(40, true))];
    expect([facs, dsdt].map((table) => text(table.subarray(0, 4)))).toEqual(["FACS", "DSDT"]);
    expect(fadt.getUint32(36, true) % 64).toBe(0);
    for (const table of [rsdt, dsdt, ...tables]) expect(sum(table)).toBe(0);
    expect(tables.slice(2)).toEqual(tpm);
  });

  it("are read by iasl as meant", () => {
    const files = linked();
    const rsdt = at(files, new DataView(files.get("etc/acpi/rsdp")!.buffer).getUint32(16, true));
    const pointers = new ByteReader(rsdt.subarray(36));
    const [fadt, madt] = [pointers.u32le(), pointers.u32le()].map((address) =>
      disassembled(at(files, address)),
    );
    expect(fadt!.complaints).toEqual([]);
    expect(fadt!.fields).toMatchObject({
      "SCI Interrupt": "0009",
      "SMI Command Port": "00000000",
      "PM1A Event Block Address": "0000B000",
      "PM1A Control Block Address": "0000B004",
      "PM Timer Block Address": "0000B008",
      "GPE0 Block Address": "0000AFE0",
      "PM1 Event Block Length": "04",
      "PM1 Control Block Length": "02",
      "PM Timer Block Length": "04",
      "GPE0 Block Length": "04",
      "RTC Century Index": "32",
      "C2 Latency": "0FFF",
      "Flags (decoded below)": "00000035",
    });
    expect(madt!.complaints).toEqual([]);
    expect(madt!.fields).toMatchObject({ "Local Apic Address": "FEE00000", "Interrupt Input LINT": "01" });
  });
});
