/** `npm run acpi`: compiles the ACPI devices, tpm.asl and pc.asl, into the bytes that the tree keeps. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compiledPc } from "./pc-aml.ts";
import { compiledVariants } from "./tpm-aml.ts";

const at = (name: string) => fileURLToPath(new URL(`../../machine/${name}`, import.meta.url));
const tpm = at("firmware/tpm-aml.ts");
const pc = at("uefi/pc-aml.ts");
writeFileSync(
  tpm,
  `/**
 * Made from tpm.asl by \`npm run acpi\`, not by hand; acpi.test.ts compiles that again and compares. Bodies in hex,
 * without the table's header, and where base address and interrupt line lie in them, 32 bits each.
 */
export const TPM_AML = ${JSON.stringify(compiledVariants())} as const;\n`,
);
writeFileSync(
  pc,
  `/**
 * Made from pc.asl by \`npm run acpi\`, not by hand; pc-tables.native.test.ts compiles that again and compares. In hex,
 * without the table's header.
 */
export const PC_AML = ${JSON.stringify(compiledPc())};\n`,
);
execFileSync("npx", ["biome", "format", "--write", tpm, pc], { stdio: "inherit" });
