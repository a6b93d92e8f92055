/** What TPM2_GetCapability answers (Part 2, sections 10.8 - 10.10), and attached components (16). */
import { f, fixedBytes, list, sized, struct, union } from "../schema.ts";
import { TPMA_ACT, TPMA_ALGORITHM, TPMA_CC } from "./attributes.ts";
import {
  TPM2B_NAME,
  TPML_CC,
  TPML_ECC_CURVE,
  TPML_HANDLE,
  TPML_PCR_SELECTION,
  TPMS_PCR_SELECT,
  TPMT_HA,
} from "./basic.ts";
import { TPM_AT, TPM_CAP, TPM_CC, TPM_ECC_CURVE, TPM_PT_PCR } from "./constants.ts";
import { TPM_HANDLE } from "./handles.ts";
import { HEX32, named32, TPM_ALG_ID, UINT32 } from "./integers.ts";
import { TPM2B_PUBLIC } from "./objects.ts";
import { PROPERTY_VALUES, TPM_PT } from "./properties.ts";

const TPMS_ALG_PROPERTY = struct("TPMS_ALG_PROPERTY", "Part 2, 10.8.1", "an algorithm of the TPM", [
  f("alg", TPM_ALG_ID, "the algorithm"),
  f("algProperties", TPMA_ALGORITHM, "what it is for"),
]);
const TPMS_TAGGED_PROPERTY = struct("TPMS_TAGGED_PROPERTY", "Part 2, 10.8.2", "a property and its value", [
  f("property", TPM_PT, "the property"),
  f("value", union("UINT32", "Part 2, 10.8.2", "a value", PROPERTY_VALUES, UINT32), "its value", "property"),
]);
const TPMS_TAGGED_PCR_SELECT = struct("TPMS_TAGGED_PCR_SELECT", "Part 2, 10.8.3", "PCRs with a property", [
  f("tag", TPM_PT_PCR, "the property"),
  f("pcrSelect", TPMS_PCR_SELECT, "the PCRs that have it"),
]);
const TPMS_TAGGED_POLICY = struct("TPMS_TAGGED_POLICY", "Part 2, 10.8.4", "policy of a permanent handle", [
  f("handle", TPM_HANDLE, "the handle"),
  f("policyHash", TPMT_HA, "its policy"),
]);
const TPMS_ACT_DATA = struct("TPMS_ACT_DATA", "Part 2, 10.8.5", "a countdown timer", [
  f("handle", TPM_HANDLE, "the timer"),
  f("timeout", UINT32, "seconds left"),
  f("attributes", TPMA_ACT, "its state"),
]);

const TPML_CCA = list("TPML_CCA", TPMA_CC, "Part 2, 10.9.2", "commands and their properties");
const TPML_ALG_PROPERTY = list("TPML_ALG_PROPERTY", TPMS_ALG_PROPERTY, "Part 2, 10.9.8", "algorithms");
const TPML_TAGGED_TPM_PROPERTY = list(
  "TPML_TAGGED_TPM_PROPERTY",
  TPMS_TAGGED_PROPERTY,
  "Part 2, 10.9.9",
  "properties",
);
const TPML_TAGGED_PCR_PROPERTY = list(
  "TPML_TAGGED_PCR_PROPERTY",
  TPMS_TAGGED_PCR_SELECT,
  "Part 2, 10.9.10",
  "properties of PCRs",
);
const TPML_TAGGED_POLICY = list("TPML_TAGGED_POLICY", TPMS_TAGGED_POLICY, "Part 2, 10.9.12", "policies");
const TPML_ACT_DATA = list("TPML_ACT_DATA", TPMS_ACT_DATA, "Part 2, 10.9.13", "countdown timers");
const TPML_PUB_KEY = list("TPML_PUB_KEY", TPM2B_PUBLIC, "Part 2, 10.9.15", "public keys");

const TPMS_SPDM_SESSION_INFO = struct(
  "TPMS_SPDM_SESSION_INFO",
  "Part 2, 10.8",
  "a session of the secure channel",
  [
    f("reqKeyName", TPM2B_NAME, "name of the key of who opened it; empty without"),
    f("tpmKeyName", TPM2B_NAME, "name of the TPM's key"),
  ],
);
const TPML_SPDM_SESSION_INFO = list(
  "TPML_SPDM_SESSION_INFO",
  TPMS_SPDM_SESSION_INFO,
  "Part 2, 10.9",
  "sessions of the secure channel",
);

const TPMU_CAPABILITIES = union("TPMU_CAPABILITIES", "Part 2, 10.10.1", "the answer", [
  [0x0, TPML_ALG_PROPERTY],
  [0x1, TPML_HANDLE],
  [0x2, TPML_CCA],
  [0x3, TPML_CC],
  [0x4, TPML_CC],
  [0x5, TPML_PCR_SELECTION],
  [0x6, TPML_TAGGED_TPM_PROPERTY],
  [0x7, TPML_TAGGED_PCR_PROPERTY],
  [0x8, TPML_ECC_CURVE],
  [0x9, TPML_TAGGED_POLICY],
  [0xa, TPML_ACT_DATA],
  [0xb, TPML_PUB_KEY],
  [0xc, TPML_SPDM_SESSION_INFO],
]);
export const TPMS_CAPABILITY_DATA = struct("TPMS_CAPABILITY_DATA", "Part 2, 10.10.2", "what the TPM told", [
  f("capability", TPM_CAP, "what it is about"),
  f("data", TPMU_CAPABILITIES, "the answer", "capability"),
]);

/** The first item that TPM2_GetCapability asks for is a number of the capability's own kind. */
export const CAPABILITY_PROPERTY = union(
  "UINT32",
  "Part 3, 30.2",
  "the first item wanted",
  [
    [0x0, named32(TPM_ALG_ID)],
    [0x1, TPM_HANDLE],
    [0x2, TPM_CC],
    [0x3, TPM_CC],
    [0x4, TPM_CC],
    [0x6, TPM_PT],
    [0x7, TPM_PT_PCR],
    [0x8, named32(TPM_ECC_CURVE)],
    [0x9, TPM_HANDLE],
    [0xa, TPM_HANDLE],
  ],
  HEX32,
);

export const TPM2B_SET_CAPABILITY_DATA = sized(
  "TPM2B_SET_CAPABILITY_DATA",
  "setCapabilityData",
  struct("TPMS_SET_CAPABILITY_DATA", "Part 2, 10.10.4", "what to set", [
    f("setCapability", TPM_CAP, "what it is about"),
    f("data", fixedBytes("TPMU_SET_CAPABILITIES", "rest", "the vendor's own"), "the new value"),
  ]),
  "Part 2, 10.10.5",
  "a capability to set",
);

export const TPMS_AC_OUTPUT = struct("TPMS_AC_OUTPUT", "Part 2, 16.4", "an attached component's property", [
  f("tag", TPM_AT, "the property"),
  f("data", HEX32, "its value"),
]);
export const TPML_AC_CAPABILITIES = list(
  "TPML_AC_CAPABILITIES",
  TPMS_AC_OUTPUT,
  "Part 2, 16.5",
  "properties",
);
