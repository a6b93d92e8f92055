/** All commands of the TPM 2.0 library specification, and a vendor's own. The compiler finds one that is missing. */
import type { CommandName } from "../command-codes.ts";
import { ATTESTATION_COMMANDS } from "./attestation.ts";
import { CRYPTO_COMMANDS } from "./crypto.ts";
import { NV_COMMANDS } from "./nv.ts";
import { OBJECT_COMMANDS } from "./objects.ts";
import { PCR_COMMANDS } from "./pcr.ts";
import { POLICY_COMMANDS } from "./policy.ts";
import { SIGNING_COMMANDS } from "./signing.ts";
import type { CommandSpec } from "./spec.ts";
import { START_COMMANDS } from "./start.ts";
import { VENDOR_COMMANDS } from "./vendor.ts";

export const COMMANDS: Readonly<Record<CommandName, CommandSpec>> = {
  ...START_COMMANDS,
  ...OBJECT_COMMANDS,
  ...CRYPTO_COMMANDS,
  ...SIGNING_COMMANDS,
  ...ATTESTATION_COMMANDS,
  ...PCR_COMMANDS,
  ...POLICY_COMMANDS,
  ...NV_COMMANDS,
  ...VENDOR_COMMANDS,
};
