/** Which machine boots. */
import type { PageState } from "./model.ts";

/** A machine has one TPM, so each version has a machine of its own. */
const DEFAULT_NAMES = { "2.0": "PC", "1.2": "PC with TPM 1.2" } as const;

/** The name of the machine that runs or boots next: the one that was chosen, or else the usual one. */
export function machineName({ kept, settings }: Pick<PageState, "kept" | "settings">): string {
  return kept.chosen ?? DEFAULT_NAMES[settings.tpm];
}
