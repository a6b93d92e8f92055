/** `npm run acpi`: compiles the TPM's ACPI device, tpm.asl, into the bytes that the tree keeps. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compiledVariants } from "./tpm-aml.ts";

const target = fileURLToPath(new URL("../machine/firmware/tpm-aml.ts", import.meta.url));
writeFileSync(
  target,
  `/**
 * Made from tpm.asl by \`npm run acpi\`, not by hand; acpi.test.ts compiles that again and compares. Bodies in hex,
 * without the table's header, and where base address and interrupt line lie in them, 32 bits each.
 */
export const TPM_AML = ${JSON.stringify(compiledVariants())} as const;\n`,
);
execFileSync("npx", ["biome", "format", "--write", target], { stdio: "inherit" });
