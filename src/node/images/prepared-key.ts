/** What the prepared machine is remade for: any change of what it boots from, or of what makes it the page's machine. */
import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { contentKey } from "./cache.ts";

export const PREPARED_START = "prepared-start.bin.gz";

/** The code that decides what is in the machine's memory, in its event log, and in the file. */
const MAKERS = [
  "prepared-start.ts",
  "../../machine/pc.ts",
  "../../machine/firmware/acpi.ts",
  "../../machine/firmware/table.ts",
  "../../machine/firmware/tpm-aml.ts",
  "../../machine/v86/create-v86.ts",
  "../../session/prepared.ts",
  "../../session/snapshot.ts",
  "../../device/tis/snapshot.ts",
];
/** The option ROM, and what it measures. */
const ROM = "../../machine/rom/";

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** @param inputs keys of the images that it is booted from, and how. */
export async function preparedKey(inputs: readonly string[]): Promise<string> {
  const rom = (await readdir(path(ROM))).filter((name) => /(?<!\.test)\.ts$/.test(name)).sort();
  const names = [...MAKERS, ...rom.map((name) => ROM + name)];
  const { version } = createRequire(import.meta.url)("v86/package.json") as { version: string };
  const texts = await Promise.all(names.map((name) => readFile(path(name), "utf8")));
  return contentKey([...inputs, version, ...texts]);
}
