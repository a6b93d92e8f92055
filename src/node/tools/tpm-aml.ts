/** Every variant of the TPM's ACPI device, as iasl compiles it. */
import { readFileSync } from "node:fs";
import { toHex } from "../../protocol/bytes/hex.ts";
import { type CompiledAsl, compileAsl } from "./iasl.ts";

const ASL = new URL("../../machine/firmware/tpm.asl", import.meta.url);
const ACPI_HEADER = 36;
/** Into a Memory32Fixed descriptor, to its base (ACPI 6.4, section 6.4.3.4). */
const MEMORY_BASE_AT = 4;
/** Into an Interrupt descriptor, to its line (section 6.4.3.6). */
const INTERRUPT_LINE_AT = 5;
/** Stands where acpi.ts puts the line. */
const NO_LINE = "0";

const VARIANTS = {
  tpm20: {},
  tpm20Interrupt: { TIS_IRQ: NO_LINE },
  tpm12: { TPM12: "1" },
  tpm12Interrupt: { TPM12: "1", TIS_IRQ: NO_LINE },
} as const;

/** tpm.asl with these macros. */
export const compileTpm = (defines: Readonly<Record<string, string>>): CompiledAsl =>
  compileAsl(readFileSync(ASL, "utf8"), defines);

function compiled(defines: Readonly<Record<string, string>>): Record<string, string | number> {
  const { table, descriptors } = compileTpm(defines);
  const at = (descriptor: string, field: number): number => {
    const start = descriptors.get(descriptor);
    if (start === undefined) throw new Error(`iasl tells of no resource ${descriptor} in tpm.asl`);
    return start - ACPI_HEADER + field;
  };
  return {
    baseAt: at("REGS", MEMORY_BASE_AT),
    ...("TIS_IRQ" in defines && { irqAt: at("INTR", INTERRUPT_LINE_AT) }),
    body: toHex(table.subarray(ACPI_HEADER)),
  };
}

/** What machine/firmware/tpm-aml.ts keeps, compiled anew. */
export const compiledVariants = () =>
  Object.fromEntries(Object.entries(VARIANTS).map(([name, defines]) => [name, compiled(defines)]));
