/**
 * The keys that a PC from a shop comes with: Microsoft's, with a platform key of Debian's own, as Debian's package `ovmf`
 * has them in its store of variables. Certificates alone: nobody here can sign with them.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { enrolledLists, type SecureBootLists } from "../../../protocol/uefi/secure-boot.ts";
import { readVariables } from "../../../protocol/uefi/variable-store.ts";
import type { VendorKeys } from "../../../session/images/manifest.ts";
import { type Apt, unpack } from "../apt.ts";
import type { Produced } from "../produce.ts";
import { inScratch } from "../scratch.ts";
import { PACKAGES } from "../versions.ts";

const VARIABLES = "usr/share/OVMF/OVMF_VARS_4M.ms.fd";
const KEYS = "vendor-keys.json";

/** Puts them into `target`. */
export async function buildVendorKeys(apt: Apt, target: string): Promise<Produced> {
  const sources = await apt.fetch([PACKAGES.ovmf]);
  return inScratch("vendor", async (scratch) => {
    await unpack(sources[0]!, scratch);
    const lists = enrolledLists(readVariables(await readFile(join(scratch, VARIABLES))));
    if (!lists) throw new Error(`${VARIABLES} of ${PACKAGES.ovmf.name} has no keys enrolled`);
    await writeFile(join(target, KEYS), JSON.stringify(asText(lists), null, 2));
    return { sources };
  });
}

function asText({ pk, kek, db, dbx }: SecureBootLists): VendorKeys {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
  return { pk: base64(pk), kek: base64(kek), db: base64(db), ...(dbx && { dbx: base64(dbx) }) };
}

export async function readVendorKeys(directory: string): Promise<VendorKeys> {
  return JSON.parse(await readFile(join(directory, KEYS), "utf8"));
}
