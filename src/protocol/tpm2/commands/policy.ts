/** Policies: each command adds a condition to a policy session (Part 3, 23). */
import { type FieldSpec, f, uint } from "../schema.ts";
import { TPMT_SIGNATURE } from "../types/algorithm-parameters.ts";
import { TPMA_LOCALITY } from "../types/attributes.ts";
import {
  TPM2B_DIGEST,
  TPM2B_NAME,
  TPM2B_NONCE,
  TPM2B_OPERAND,
  TPM2B_TIMEOUT,
  TPML_DIGEST,
  TPML_PCR_SELECTION,
  TPMT_TK_AUTH,
  TPMT_TK_VERIFIED,
} from "../types/basic.ts";
import { CAPABILITY_PROPERTY } from "../types/capabilities.ts";
import { TPM_CAP, TPM_CC, TPM_EO } from "../types/constants.ts";
import {
  TPMI_DH_ENTITY,
  TPMI_DH_OBJECT,
  TPMI_RH_NV_AUTH,
  TPMI_RH_NV_INDEX,
  TPMI_SH_POLICY,
} from "../types/handles.ts";
import { TPMI_YES_NO, UINT16 } from "../types/integers.ts";
import { command, h } from "./spec.ts";

const SESSION = h("policySession", TPMI_SH_POLICY, "the policy session");
const EXPIRATION = f(
  "expiration",
  uint("INT32", 4, "a signed number", (value) => `${value | 0}`),
  "seconds it holds; 0 for no end, negative to get a ticket",
);
const NONCE = f("nonceTPM", TPM2B_NONCE, "the session's nonce, to hold for this session only; or empty");
const CP_HASH = f("cpHashA", TPM2B_DIGEST, "digest of the one command that is allowed; or empty");
const REF = f("policyRef", TPM2B_NONCE, "a mark of the authorizer's own; or empty");
const COMPARISON: readonly FieldSpec[] = [
  f("operandB", TPM2B_OPERAND, "the value to compare with"),
  f("offset", UINT16, "first byte of the TPM's value"),
  f("operation", TPM_EO, "the comparison"),
];
const TICKET: readonly FieldSpec[] = [
  f("timeout", TPM2B_TIMEOUT, "when the ticket ends"),
  f("policyTicket", TPMT_TK_AUTH, "a ticket for TPM2_PolicyTicket"),
];

export const POLICY_COMMANDS = {
  PolicySigned: command("Part 3, 23.3", "Policy: the holder of a key has signed this.", {
    handles: [h("authObject", TPMI_DH_OBJECT, "the public key"), SESSION],
    parameters: [NONCE, CP_HASH, REF, EXPIRATION, f("auth", TPMT_SIGNATURE, "the signature")],
    response: TICKET,
  }),
  PolicySecret: command("Part 3, 23.4", "Policy: the caller knows the password of something.", {
    handles: [h("authHandle", TPMI_DH_ENTITY, "whose password", "USER"), SESSION],
    parameters: [NONCE, CP_HASH, REF, EXPIRATION],
    response: TICKET,
  }),
  PolicyTicket: command("Part 3, 23.5", "Policy: an earlier TPM2_PolicySigned or PolicySecret still holds.", {
    handles: [SESSION],
    parameters: [
      f("timeout", TPM2B_TIMEOUT, "when the ticket ends"),
      CP_HASH,
      REF,
      f("authName", TPM2B_NAME, "name of the authorizer"),
      f("ticket", TPMT_TK_AUTH, "the ticket"),
    ],
  }),
  PolicyOR: command("Part 3, 23.6", "Policy: one of these policies is fulfilled.", {
    handles: [SESSION],
    parameters: [f("pHashList", TPML_DIGEST, "the policies")],
  }),
  PolicyPCR: command("Part 3, 23.7", "Policy: PCRs have these values.", {
    handles: [SESSION],
    parameters: [
      f("pcrDigest", TPM2B_DIGEST, "digest of the values; empty for those of now"),
      f("pcrs", TPML_PCR_SELECTION, "the PCRs"),
    ],
  }),
  PolicyLocality: command("Part 3, 23.8", "Policy: the command comes from one of these localities.", {
    handles: [SESSION],
    parameters: [f("locality", TPMA_LOCALITY, "the localities")],
  }),
  PolicyNV: command("Part 3, 23.9", "Policy: an NV index compares so.", {
    handles: [
      h("authHandle", TPMI_RH_NV_AUTH, "who may read the index", "USER"),
      h("nvIndex", TPMI_RH_NV_INDEX, "the NV index"),
      SESSION,
    ],
    parameters: COMPARISON,
  }),
  PolicyCounterTimer: command("Part 3, 23.10", "Policy: the TPM's time, clock or counters compare so.", {
    handles: [SESSION],
    parameters: COMPARISON,
  }),
  PolicyCommandCode: command("Part 3, 23.11", "Policy: only for one command.", {
    handles: [SESSION],
    parameters: [f("code", TPM_CC, "the command")],
  }),
  PolicyPhysicalPresence: command("Part 3, 23.12", "Policy: someone is at the machine.", {
    handles: [SESSION],
  }),
  PolicyCpHash: command("Part 3, 23.13", "Policy: only for one command with these parameters.", {
    handles: [SESSION],
    parameters: [f("cpHashA", TPM2B_DIGEST, "digest of the command and its parameters")],
  }),
  PolicyNameHash: command("Part 3, 23.14", "Policy: only for a command on these things.", {
    handles: [SESSION],
    parameters: [f("nameHash", TPM2B_DIGEST, "digest of the names of the handles")],
  }),
  PolicyDuplicationSelect: command("Part 3, 23.15", "Policy: duplication to one new parent only.", {
    handles: [SESSION],
    parameters: [
      f("objectName", TPM2B_NAME, "the object"),
      f("newParentName", TPM2B_NAME, "the new parent"),
      f("includeObject", TPMI_YES_NO, "whether the object's name is part of the policy"),
    ],
  }),
  PolicyAuthorize: command("Part 3, 23.16", "Policy: whatever the holder of a key has approved.", {
    handles: [SESSION],
    parameters: [
      f("approvedPolicy", TPM2B_DIGEST, "the approved policy"),
      REF,
      f("keySign", TPM2B_NAME, "name of the key"),
      f("checkTicket", TPMT_TK_VERIFIED, "proof that its signature was checked"),
    ],
  }),
  PolicyAuthValue: command("Part 3, 23.17", "Policy: the object's password is proven by HMAC.", {
    handles: [SESSION],
  }),
  PolicyPassword: command("Part 3, 23.18", "Policy: the object's password is sent in the clear.", {
    handles: [SESSION],
  }),
  PolicyGetDigest: command("Part 3, 23.19", "Reads the policy digest so far.", {
    handles: [SESSION],
    response: [f("policyDigest", TPM2B_DIGEST, "the policy digest")],
  }),
  PolicyNvWritten: command("Part 3, 23.20", "Policy: an NV index has, or has not, been written.", {
    handles: [SESSION],
    parameters: [f("writtenSet", TPMI_YES_NO, "yes: has been")],
  }),
  PolicyTemplate: command("Part 3, 23.21", "Policy: only to create an object of one template.", {
    handles: [SESSION],
    parameters: [f("templateHash", TPM2B_DIGEST, "digest of the template")],
  }),
  PolicyAuthorizeNV: command("Part 3, 23.22", "Policy: whatever policy an NV index holds.", {
    handles: [
      h("authHandle", TPMI_RH_NV_AUTH, "who may read the index", "USER"),
      h("nvIndex", TPMI_RH_NV_INDEX, "the NV index"),
      SESSION,
    ],
  }),
  PolicyCapability: command("Part 3, 23.23", "Policy: a capability of the TPM compares so.", {
    handles: [SESSION],
    parameters: [
      ...COMPARISON,
      f("capability", TPM_CAP, "the capability"),
      f("property", CAPABILITY_PROPERTY, "the item", "capability"),
    ],
  }),
  PolicyParameters: command("Part 3, 23.24", "Policy: only with these parameters.", {
    handles: [SESSION],
    parameters: [f("pHash", TPM2B_DIGEST, "digest of the parameters")],
  }),
  PolicyTransportSPDM: command("Part 3, 23.25", "Policy: only over a secure channel with these keys.", {
    handles: [SESSION],
    parameters: [
      f("reqKeyName", TPM2B_NAME, "name of the key of who opened it; empty for any"),
      f("tpmKeyName", TPM2B_NAME, "name of the TPM's key; empty for any"),
    ],
  }),
} as const;
