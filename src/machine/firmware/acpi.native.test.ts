/** The ACPI tables against `iasl`, the reference compiler (Debian: acpica-tools). */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { compiledVariants, compileTpm } from "../../node/tools/tpm-aml.ts";
import { toHex } from "../../protocol/bytes/hex.ts";
import { EVENT_LOG_WINDOW, FIRMWARE_FILE_NAMES, firmwareFiles, ssdt, tcpaTable, tpm2Table } from "./acpi.ts";
import { MAKER } from "./table.ts";
import { TPM_AML } from "./tpm-aml.ts";

const scratch = mkdtempSync(join(tmpdir(), "webtpm-acpi-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const iasl = (...args: string[]) =>
  execFileSync("iasl", args, { cwd: scratch, encoding: "utf8", stdio: "pipe" });

/** What iasl reads in a data table, by field name. */
function disassembled(table: Uint8Array): { fields: Record<string, string>; complaints: string[] } {
  writeFileSync(join(scratch, "table.dat"), table);
  iasl("-d", "table.dat");
  const text = readFileSync(join(scratch, "table.dsl"), "utf8");
  const fields: Record<string, string> = {};
  for (const match of text.matchAll(/^\[[^\]]+\]\s+([^:]+?) : (.*)$/gm)) {
    fields[match[1] as string] = (match[2] as string).trim();
  }
  return { fields, complaints: text.match(/incorrect|invalid|should be|warning|error/gi) ?? [] };
}

const sum = (bytes: Uint8Array) => bytes.reduce((total, value) => total + value, 0) & 0xff;
const BODY = 36;

describe("the SSDT", () => {
  it("is kept as iasl compiles tpm.asl now", () => {
    expect(compiledVariants()).toEqual(TPM_AML);
  });

  it.each([
    ["2.0, polled, at the usual address", "2.0", {}, {}],
    ["1.2, polled, at the usual address", "1.2", {}, { TPM12: "1" }],
    ["2.0 with an interrupt", "2.0", { irq: 5 }, { TIS_IRQ: "5" }],
    ["1.2 with an interrupt", "1.2", { irq: 0x1234_5678 }, { TPM12: "1", TIS_IRQ: "0x12345678" }],
    ["2.0 elsewhere", "2.0", { base: 0xfe12_3450 }, { TIS_BASE: "0xFE123450" }],
    [
      "1.2 elsewhere, with an interrupt",
      "1.2",
      { base: 0x1000, irq: 10 },
      { TPM12: "1", TIS_BASE: "0x1000", TIS_IRQ: "10" },
    ],
  ] as const)("for TPM %s is what iasl makes of tpm.asl", (_, version, resources, macros) => {
    const ours = ssdt(version, resources);
    const theirs = compileTpm(macros).table;
    expect(toHex(ours.subarray(BODY))).toBe(toHex(theirs.subarray(BODY)));
    // The headers differ in the checksum and in who made the table (iasl signs as creator).
    expect(toHex(ours.subarray(0, 9))).toBe(toHex(theirs.subarray(0, 9)));
    expect(toHex(ours.subarray(10, 28))).toBe(toHex(theirs.subarray(10, 28)));
    expect(sum(ours)).toBe(0);
  });
});

describe("the data tables", () => {
  it("TPM2 is read by iasl as meant", () => {
    const table = tpm2Table(EVENT_LOG_WINDOW);
    const { fields, complaints } = disassembled(table);
    expect(fields).toMatchObject({
      Signature: expect.stringContaining('"TPM2"'),
      "Table Length": "0000004C",
      Revision: "04",
      "Oem ID": `"${MAKER.oemId}"`,
      "Platform Class": "0000",
      "Control Address": "0000000000000000",
      "Start Method": expect.stringContaining("06"),
      "Minimum Log Length": "00010000",
      "Log Address": "00000000FED50000",
    });
    expect(complaints).toEqual([]);
    expect([table.length, sum(table)]).toEqual([76, 0]);
  });

  it("TPM2 says where the control area of a CRB interface is, and that a command is started there", () => {
    const { fields, complaints } = disassembled(tpm2Table(EVENT_LOG_WINDOW, { crb: true }));
    expect(fields).toMatchObject({
      "Control Address": "00000000FED40040",
      "Start Method": expect.stringContaining("07"),
      "Log Address": "00000000FED50000",
    });
    expect(complaints).toEqual([]);
  });

  it("TCPA is read by iasl as meant", () => {
    const table = tcpaTable(EVENT_LOG_WINDOW);
    const { fields, complaints } = disassembled(table);
    expect(fields).toMatchObject({
      "Table Length": "00000032",
      Revision: "02",
      "Platform Class": "0000",
      "Min Event Log Length": "00010000",
      "Event Log Address": "00000000FED50000",
    });
    expect(complaints).toEqual([]);
    expect([table.length, sum(table)]).toEqual([50, 0]);
  });
});

describe("the firmware files", () => {
  it("announce one TPM of the right version, or none", () => {
    const names = (version: Parameters<typeof firmwareFiles>[0]) => firmwareFiles(version).map((f) => f.name);
    expect(names("2.0")).toEqual(["acpi/TPM2", "acpi/SSDT-TPM"]);
    expect(names("1.2")).toEqual(["acpi/TCPA", "acpi/SSDT-TPM"]);
    expect(names("unspecified")).toEqual([]);
    expect(FIRMWARE_FILE_NAMES).toEqual(expect.arrayContaining([...names("2.0"), ...names("1.2")]));
  });
});
