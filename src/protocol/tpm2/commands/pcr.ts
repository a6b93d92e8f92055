/** PCRs (Part 3, 22). */
import { f } from "../schema.ts";
import {
  TPM2B_DIGEST,
  TPM2B_EVENT,
  TPML_DIGEST,
  TPML_DIGEST_VALUES,
  TPML_PCR_SELECTION,
} from "../types/basic.ts";
import { TPMI_DH_PCR, TPMI_RH_PLATFORM } from "../types/handles.ts";
import { TPMI_ALG_HASH, TPMI_YES_NO, UINT32 } from "../types/integers.ts";
import { command, h } from "./spec.ts";

const PCR = h("pcrHandle", TPMI_DH_PCR, "the PCR", "USER");

export const PCR_COMMANDS = {
  PCR_Extend: command(
    "Part 3, 22.2",
    "Extends a PCR: its new value is the hash of the old value and the digest.",
    {
      handles: [h("pcrHandle", TPMI_DH_PCR, "the PCR, or none", "USER")],
      parameters: [f("digests", TPML_DIGEST_VALUES, "the digests, one a bank; other banks stay as they are")],
    },
  ),
  PCR_Event: command("Part 3, 22.3", "Hashes an event in every bank and extends a PCR with it.", {
    handles: [h("pcrHandle", TPMI_DH_PCR, "the PCR, or none", "USER")],
    parameters: [f("eventData", TPM2B_EVENT, "the event")],
    response: [f("digests", TPML_DIGEST_VALUES, "the digests, one a bank")],
  }),
  PCR_Read: command("Part 3, 22.4", "Reads PCRs, eight at most at a time.", {
    parameters: [f("pcrSelectionIn", TPML_PCR_SELECTION, "the PCRs wanted")],
    response: [
      f("pcrUpdateCounter", UINT32, "counts changes of PCRs"),
      f("pcrSelectionOut", TPML_PCR_SELECTION, "the PCRs that follow"),
      f("pcrValues", TPML_DIGEST, "their values, in the order of the selection"),
    ],
  }),
  PCR_Allocate: command("Part 3, 22.5", "Chooses the PCR banks that the TPM has from its next reset on.", {
    handles: [h("authHandle", TPMI_RH_PLATFORM, "the platform", "USER")],
    parameters: [f("pcrAllocation", TPML_PCR_SELECTION, "the banks and their PCRs")],
    response: [
      f("allocationSuccess", TPMI_YES_NO, "whether it will be so"),
      f("maxPCR", UINT32, "PCRs that a bank can have"),
      f("sizeNeeded", UINT32, "bytes needed"),
      f("sizeAvailable", UINT32, "bytes there are"),
    ],
  }),
  PCR_SetAuthPolicy: command("Part 3, 22.6", "Sets the policy that a PCR needs.", {
    handles: [h("authHandle", TPMI_RH_PLATFORM, "the platform", "USER")],
    parameters: [
      f("authPolicy", TPM2B_DIGEST, "the policy"),
      f("hashAlg", TPMI_ALG_HASH, "the hash of the policy"),
      f("pcrNum", TPMI_DH_PCR, "the PCR"),
    ],
  }),
  PCR_SetAuthValue: command("Part 3, 22.7", "Sets the password that a PCR needs.", {
    handles: [PCR],
    parameters: [f("auth", TPM2B_DIGEST, "the password")],
  }),
  PCR_Reset: command("Part 3, 22.8", "Sets a PCR back to zero, where the locality allows it.", {
    handles: [PCR],
  }),
} as const;
