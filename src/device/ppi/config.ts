/** How firmware finds the memory: QEMU's file `etc/tpm/config` (docs/specs/tpm.rst), which EDK2's firmware reads. */
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { PPI_WINDOW } from "./layout.ts";
import type { PpiFamily } from "./operations.ts";

/** The file's name. */
export const PPI_CONFIG_FILE = "etc/tpm/config";
/** PPI specification 1.30. */
const PPI_VERSION = 1;
const TPM_VERSION: Record<PpiFamily, number> = { "1.2": 1, "2.0": 2 };

/** The file's content for a TPM of this family, 6 bytes. */
export function ppiConfig(family: PpiFamily): Uint8Array<ArrayBuffer> {
  return new ByteWriter().u32le(PPI_WINDOW.base).u8(TPM_VERSION[family]).u8(PPI_VERSION).finish();
}
