/** The option ROM for physical presence as firmware takes it, and its source against the tables that others read. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PPI_FIELDS, PPI_RESULT, PPI_WINDOW } from "../../device/ppi/layout.ts";
import { PCR_BANK_BITS, PPI_OPERATIONS, type PpiFamily } from "../../device/ppi/operations.ts";
import { presenceRom } from "./presence.ts";

const SOURCE = readFileSync(join(import.meta.dirname, "asm/physical-presence.S"), "utf8");
const sum = (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0) & 0xff;
const constant = (name: string) => Number(new RegExp(`\\.set\\s+${name}, (\\w+)`).exec(SOURCE)?.[1]);

describe("the option ROM for physical presence", () => {
  it("is one that firmware takes, and calls when it has found it", () => {
    const rom = presenceRom();
    expect([rom[0], rom[1], (rom[2] as number) * 512, sum(rom)]).toEqual([0x55, 0xaa, rom.length, 0]);
    const header = rom[0x1a] as number;
    expect(new TextDecoder().decode(rom.subarray(header, header + 4))).toBe("$PnP");
    expect(sum(rom.subarray(header, header + 32))).toBe(0);
  });

  it("knows the fields of the memory", () => {
    const offsets = Object.fromEntries(
      ["PPRP", "PPRQ", "PPRM", "LPPR"].map((name) => [name, constant(name)]),
    );
    const { PPRP, PPRQ, PPRM, LPPR } = PPI_FIELDS;
    expect(offsets).toEqual({
      PPRP: PPRP.offset,
      PPRQ: PPRQ.offset,
      PPRM: PPRM.offset,
      LPPR: LPPR.offset,
    });
    expect([constant("PPI"), constant("FIRMWARE_FAILURE")]).toEqual([
      PPI_WINDOW.base,
      PPI_RESULT.FIRMWARE_FAILURE,
    ]);
  });

  it.each(["1.2", "2.0"] as const)("carries out just what is offered for a TPM %s", (family: PpiFamily) => {
    const label = { "1.2": "operations_tpm12:", "2.0": "operations_tpm20:" }[family];
    const table = SOURCE.slice(SOURCE.indexOf(`\n${label}\n`));
    const rows = Array.from(table.slice(0, table.indexOf(".byte   0\n")).matchAll(/\.byte\s+(\d+)/g), (row) =>
      Number(row[1]),
    );
    const banks = family === "2.0" ? [constant("SET_PCR_BANKS")] : [];
    const offered = Object.entries(PPI_OPERATIONS[family]).filter(([, { implemented }]) => implemented);
    expect([0, ...rows, ...banks].sort((a, b) => a - b)).toEqual(
      offered.map(([operation]) => Number(operation)),
    );
  });

  it("knows the bit of each PCR bank", () => {
    const table = SOURCE.slice(SOURCE.indexOf("\nbank_bits:\n"));
    const rows = Array.from(table.matchAll(/\.word\s+0x\w+, (0x\w+)\s+\/\* ([\w-]+) \*\//g), (row) => [
      (row[2] as string).toLowerCase().replace("sha-", "sha").replace("-", "_"),
      Number(row[1]),
    ]);
    expect(rows).toEqual(PCR_BANK_BITS.map((bank, bit) => [bank, 1 << bit]));
  });
});
