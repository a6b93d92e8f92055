/** The PC's ACPI devices for UEFI, as iasl compiles pc.asl. */
import { readFileSync } from "node:fs";
import { toHex } from "../../protocol/bytes/hex.ts";
import { compileAsl } from "./iasl.ts";

const ASL = new URL("../../machine/uefi/pc.asl", import.meta.url);
const ACPI_HEADER = 36;

/** What machine/uefi/pc-aml.ts keeps, compiled anew: the body in hex, without the table's header. */
export const compiledPc = (): string =>
  toHex(compileAsl(readFileSync(ASL, "utf8"), {}).table.subarray(ACPI_HEADER));
