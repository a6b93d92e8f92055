/** Start-up, self-test, sessions, random numbers, clock, capabilities, maintenance (Part 3, 9-11, 16, 21, 25-27, 29, 30, 32-34). */
import { f } from "../schema.ts";
import {
  TPM2B_ENCRYPTED_SECRET,
  TPM2B_SENSITIVE_DATA,
  TPMT_SIGNATURE,
} from "../types/algorithm-parameters.ts";
import { TPMS_TIME_INFO } from "../types/attestation.ts";
import {
  TPM2B_DIGEST,
  TPM2B_MAX_BUFFER,
  TPM2B_NAME,
  TPM2B_NONCE,
  TPML_ALG,
  TPML_CC,
  TPMT_HA,
} from "../types/basic.ts";
import {
  CAPABILITY_PROPERTY,
  TPM2B_SET_CAPABILITY_DATA,
  TPML_AC_CAPABILITIES,
  TPMS_AC_OUTPUT,
  TPMS_CAPABILITY_DATA,
} from "../types/capabilities.ts";
import { TPM_AT, TPM_CAP, TPM_CLOCK_ADJUST, TPM_RC_WORD, TPM_SE, TPM_SU } from "../types/constants.ts";
import {
  TPMI_DH_ENTITY,
  TPMI_DH_OBJECT,
  TPMI_RH_AC,
  TPMI_RH_ACT,
  TPMI_RH_LOCKOUT,
  TPMI_RH_NV_AUTH,
  TPMI_RH_PLATFORM,
  TPMI_RH_PROVISION,
  TPMI_SH_AUTH_SESSION,
  TPMI_SH_POLICY,
} from "../types/handles.ts";
import { TPMI_ALG_HASH, TPMI_YES_NO, UINT16, UINT32, UINT64 } from "../types/integers.ts";
import { TPMT_PUBLIC_PARMS } from "../types/objects.ts";
import { TPMT_SYM_DEF } from "../types/symmetric.ts";
import { command, h } from "./spec.ts";

export const START_COMMANDS = {
  Startup: command("Part 3, 9.3", "Starts the TPM after power-on; nothing else works before.", {
    parameters: [f("startupType", TPM_SU, "fresh, or going on from a saved state")],
  }),
  Shutdown: command("Part 3, 9.4", "Prepares the TPM for loss of power.", {
    parameters: [f("shutdownType", TPM_SU, "whether state is kept for TPM2_Startup(STATE)")],
  }),
  SelfTest: command("Part 3, 10.2", "Makes the TPM test its functions.", {
    parameters: [f("fullTest", TPMI_YES_NO, "yes: test everything; no: only what is still untested")],
  }),
  IncrementalSelfTest: command("Part 3, 10.3", "Makes the TPM test some algorithms.", {
    parameters: [f("toTest", TPML_ALG, "the algorithms to test")],
    response: [f("toDoList", TPML_ALG, "algorithms still untested")],
  }),
  GetTestResult: command("Part 3, 10.4", "Tells how the self-test went.", {
    response: [
      f("outData", TPM2B_MAX_BUFFER, "the maker's own report"),
      f("testResult", TPM_RC_WORD, "the result"),
    ],
  }),
  StartAuthSession: command("Part 3, 11.1", "Opens a session for authorization, encryption or audit.", {
    handles: [
      h("tpmKey", TPMI_DH_OBJECT, "the key that protects the salt, or none"),
      h("bind", TPMI_DH_ENTITY, "whose password goes into the session key, or none"),
    ],
    parameters: [
      f("nonceCaller", TPM2B_NONCE, "the caller's first nonce"),
      f("encryptedSalt", TPM2B_ENCRYPTED_SECRET, "the salt, for tpmKey; empty without"),
      f("sessionType", TPM_SE, "the kind of session"),
      f("symmetric", TPMT_SYM_DEF, "how parameters are encrypted, if at all"),
      f("authHash", TPMI_ALG_HASH, "the hash of the session"),
    ],
    responseHandles: [h("sessionHandle", TPMI_SH_AUTH_SESSION, "the new session")],
    response: [f("nonceTPM", TPM2B_NONCE, "the TPM's first nonce")],
  }),
  PolicyRestart: command("Part 3, 11.2", "Makes a policy session start over.", {
    handles: [h("sessionHandle", TPMI_SH_POLICY, "the policy session")],
  }),
  GetRandom: command("Part 3, 16.1", "Gives random bytes.", {
    parameters: [f("bytesRequested", UINT16, "how many; the TPM may give fewer")],
    response: [f("randomBytes", TPM2B_DIGEST, "the random bytes")],
  }),
  StirRandom: command("Part 3, 16.2", "Adds entropy to the random number generator.", {
    parameters: [f("inData", TPM2B_SENSITIVE_DATA, "the entropy")],
  }),
  SetCommandCodeAuditStatus: command("Part 3, 21.2", "Chooses which commands are audited.", {
    handles: [h("auth", TPMI_RH_PROVISION, "owner or platform", "USER")],
    parameters: [
      f("auditAlg", TPMI_ALG_HASH, "hash of the audit; none to keep it"),
      f("setList", TPML_CC, "commands to audit from now on"),
      f("clearList", TPML_CC, "commands to audit no more"),
    ],
  }),
  DictionaryAttackLockReset: command(
    "Part 3, 25.2",
    "Forgives all wrong authorizations and ends a lockout.",
    {
      handles: [h("lockHandle", TPMI_RH_LOCKOUT, "the lockout authorization", "USER")],
    },
  ),
  DictionaryAttackParameters: command("Part 3, 25.3", "Sets how wrong authorizations lead to lockout.", {
    handles: [h("lockHandle", TPMI_RH_LOCKOUT, "the lockout authorization", "USER")],
    parameters: [
      f("newMaxTries", UINT32, "wrong authorizations before lockout"),
      f("newRecoveryTime", UINT32, "seconds until one is forgiven"),
      f("lockoutRecovery", UINT32, "seconds until the lockout authorization may be tried again"),
    ],
  }),
  PP_Commands: command("Part 3, 26.2", "Chooses which commands need physical presence.", {
    handles: [h("auth", TPMI_RH_PLATFORM, "the platform", "USER")],
    parameters: [
      f("setList", TPML_CC, "commands that need it from now on"),
      f("clearList", TPML_CC, "commands that need it no more"),
    ],
  }),
  SetAlgorithmSet: command("Part 3, 26.3", "Chooses a set of algorithms.", {
    handles: [h("authHandle", TPMI_RH_PLATFORM, "the platform", "USER")],
    parameters: [f("algorithmSet", UINT32, "the maker's number of the set")],
  }),
  FieldUpgradeStart: command("Part 3, 27.2", "Begins a firmware upgrade.", {
    handles: [
      h("authorization", TPMI_RH_PLATFORM, "the platform", "ADMIN"),
      h("keyHandle", TPMI_DH_OBJECT, "the key that checks the manifest"),
    ],
    parameters: [
      f("fuDigest", TPM2B_DIGEST, "digest of the first block"),
      f("manifestSignature", TPMT_SIGNATURE, "the maker's signature over it"),
    ],
  }),
  FieldUpgradeData: command("Part 3, 27.3", "Carries one block of a firmware upgrade.", {
    parameters: [f("fuData", TPM2B_MAX_BUFFER, "the block")],
    response: [
      f("nextDigest", TPMT_HA, "digest of the next block wanted"),
      f("firstDigest", TPMT_HA, "digest of the first block"),
    ],
  }),
  FirmwareRead: command("Part 3, 27.4", "Reads a block of the firmware back.", {
    parameters: [f("sequenceNumber", UINT32, "0 to begin, then 1, 2, …")],
    response: [f("fuData", TPM2B_MAX_BUFFER, "the block")],
  }),
  ReadClock: command("Part 3, 29.1", "Tells the TPM's time, clock and counters.", {
    response: [f("currentTime", TPMS_TIME_INFO, "time, clock and counters")],
  }),
  ClockSet: command("Part 3, 29.2", "Sets the clock forward.", {
    handles: [h("auth", TPMI_RH_PROVISION, "owner or platform", "USER")],
    parameters: [f("newTime", UINT64, "the new clock in milliseconds; never less than now")],
  }),
  ClockRateAdjust: command("Part 3, 29.3", "Makes the clock run faster or slower.", {
    handles: [h("auth", TPMI_RH_PROVISION, "owner or platform", "USER")],
    parameters: [f("rateAdjust", TPM_CLOCK_ADJUST, "the change")],
  }),
  GetCapability: command("Part 3, 30.2", "Asks the TPM what it is and what it has.", {
    parameters: [
      f("capability", TPM_CAP, "what to ask about"),
      f("property", CAPABILITY_PROPERTY, "the first item wanted", "capability"),
      f("propertyCount", UINT32, "how many items"),
    ],
    response: [
      f("moreData", TPMI_YES_NO, "whether there are more items"),
      f("capabilityData", TPMS_CAPABILITY_DATA, "the answer"),
    ],
  }),
  TestParms: command("Part 3, 30.3", "Asks whether the TPM can do a combination of algorithms.", {
    parameters: [f("parameters", TPMT_PUBLIC_PARMS, "the combination")],
  }),
  SetCapability: command("Part 3, 30.4", "Sets a property of the TPM.", {
    handles: [h("authHandle", TPMI_RH_PLATFORM, "the platform", "USER")],
    parameters: [f("setCapabilityData", TPM2B_SET_CAPABILITY_DATA, "the property and its value")],
  }),
  AC_GetCapability: command("Part 3, 32.2", "Asks an attached component what it has.", {
    handles: [h("ac", TPMI_RH_AC, "the attached component")],
    parameters: [f("capability", TPM_AT, "the first item wanted"), f("count", UINT32, "how many items")],
    response: [
      f("moreData", TPMI_YES_NO, "whether there are more items"),
      f("capabilitiesData", TPML_AC_CAPABILITIES, "the answer"),
    ],
  }),
  AC_Send: command("Part 3, 32.3", "Hands an object to an attached component.", {
    handles: [
      h("sendObject", TPMI_DH_OBJECT, "the object", "DUP"),
      h("authHandle", TPMI_RH_NV_AUTH, "who authorizes it", "USER"),
      h("ac", TPMI_RH_AC, "the attached component"),
    ],
    parameters: [f("acDataIn", TPM2B_MAX_BUFFER, "data for the component")],
    response: [f("acDataOut", TPMS_AC_OUTPUT, "the component's answer")],
  }),
  Policy_AC_SendSelect: command(
    "Part 3, 32.4",
    "Policy: only for sending an object to an attached component.",
    {
      handles: [h("policySession", TPMI_SH_POLICY, "the policy session")],
      parameters: [
        f("objectName", TPM2B_NAME, "the object"),
        f("authHandleName", TPM2B_NAME, "who authorizes it"),
        f("acName", TPM2B_NAME, "the attached component"),
        f("includeObject", TPMI_YES_NO, "whether the object's name is part of the policy"),
      ],
    },
  ),
  ACT_SetTimeout: command("Part 3, 33.2", "Sets an authenticated countdown timer.", {
    handles: [h("actHandle", TPMI_RH_ACT, "the timer", "USER")],
    parameters: [f("startTimeout", UINT32, "seconds to count down; 0 to stop it")],
  }),
} as const;
