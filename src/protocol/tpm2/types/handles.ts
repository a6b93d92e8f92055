/** Handles: numbers for things inside the TPM (Part 2, section 7), and the subsets that commands take (9). */
import { hexNumber } from "../../bytes/hex.ts";
import { alias, constants } from "../schema.ts";

/** What the most significant byte of a handle says (TPM_HT). */
const KINDS: Readonly<Record<number, string>> = {
  0: "PCR",
  1: "NV index",
  2: "HMAC session",
  3: "policy session",
  17: "external NV index",
  18: "permanent NV index",
  128: "transient object",
  129: "persistent object",
  144: "attached component",
};

/** Hierarchies bound to a security version of the firmware: the low half of the handle is the least version. */
const SVN_LIMITED: Readonly<Record<number, string>> = {
  1: "OWNER",
  2: "ENDORSEMENT",
  3: "PLATFORM",
  4: "NULL",
};

/** "PCR 4", "NV index 0x01C00002", "transient object 0x80000000"; undefined for a kind that is not known. */
function handleText(handle: number): string | undefined {
  const type = handle >>> 24;
  const index = handle & 0xff_ffff;
  if (type === 0x40) {
    if (index >= 0x10 && index <= 0x10f)
      return `TPM_RH_AUTH_${(index - 0x10).toString(16).toUpperCase().padStart(2, "0")}`;
    if (index >= 0x110 && index <= 0x11f) return `TPM_RH_ACT_${(index - 0x110).toString(16).toUpperCase()}`;
    const limited = SVN_LIMITED[index >>> 16];
    return limited && `TPM_RH_SVN_${limited} ${index & 0xffff}`;
  }
  const kind = KINDS[type];
  if (type === 0) return `PCR ${index}`;
  return kind && `${kind} ${hexNumber(handle)}`;
}

export const TPM_HANDLE = constants(
  "TPM_HANDLE",
  4,
  "Part 2, 7",
  "a thing inside the TPM",
  "TPM_RH_",
  {
    SRK: [0x40000000, "not used by TPM 2.0"],
    OWNER: [0x40000001, "the owner (storage) hierarchy"],
    REVOKE: [0x40000002, "not used by TPM 2.0"],
    TRANSPORT: [0x40000003, "not used by TPM 2.0"],
    OPERATOR: [0x40000004, "not used by TPM 2.0"],
    ADMIN: [0x40000005, "not used by TPM 2.0"],
    EK: [0x40000006, "not used by TPM 2.0"],
    NULL: [0x40000007, "the null hierarchy, or nothing"],
    UNASSIGNED: [0x40000008, "not assigned"],
    TPM_RS_PW: [0x40000009, "a password in place of a session"],
    LOCKOUT: [0x4000000a, "the lockout authorization"],
    ENDORSEMENT: [0x4000000b, "the endorsement hierarchy"],
    PLATFORM: [0x4000000c, "the platform hierarchy"],
    PLATFORM_NV: [0x4000000d, "the platform's NV"],
    FW_OWNER: [0x40000140, "the owner hierarchy, bound to the firmware that runs"],
    FW_ENDORSEMENT: [0x40000141, "the endorsement hierarchy, bound to the firmware that runs"],
    FW_PLATFORM: [0x40000142, "the platform hierarchy, bound to the firmware that runs"],
    FW_NULL: [0x40000143, "the null hierarchy, bound to the firmware that runs"],
  },
  handleText,
);

const handle = (name: string, meaning: string) => alias(TPM_HANDLE, name, meaning, "Part 2, 9");

export const TPMI_DH_OBJECT = handle("TPMI_DH_OBJECT", "a loaded or persistent object");
export const TPMI_DH_PARENT = handle("TPMI_DH_PARENT", "a parent: an object or a hierarchy");
export const TPMI_DH_PERSISTENT = handle("TPMI_DH_PERSISTENT", "a persistent object");
export const TPMI_DH_ENTITY = handle("TPMI_DH_ENTITY", "anything that has an authorization");
export const TPMI_DH_PCR = handle("TPMI_DH_PCR", "a PCR, or none");
export const TPMI_SH_AUTH_SESSION = handle("TPMI_SH_AUTH_SESSION", "a session, or a password in its place");
export const TPMI_SH_HMAC = handle("TPMI_SH_HMAC", "an HMAC session");
export const TPMI_SH_POLICY = handle("TPMI_SH_POLICY", "a policy session");
export const TPMI_DH_CONTEXT = handle("TPMI_DH_CONTEXT", "what can be saved: an object or a session");
export const TPMI_DH_SAVED = handle("TPMI_DH_SAVED", "what was saved");
export const TPMI_RH_HIERARCHY = handle("TPMI_RH_HIERARCHY", "a hierarchy");
export const TPMI_RH_ENABLES = handle("TPMI_RH_ENABLES", "a hierarchy that can be switched off");
export const TPMI_RH_HIERARCHY_AUTH = handle("TPMI_RH_HIERARCHY_AUTH", "a hierarchy with an authorization");
export const TPMI_RH_HIERARCHY_POLICY = handle(
  "TPMI_RH_HIERARCHY_POLICY",
  "a hierarchy or timer with a policy",
);
export const TPMI_RH_PLATFORM = handle("TPMI_RH_PLATFORM", "the platform hierarchy");
export const TPMI_RH_ENDORSEMENT = handle("TPMI_RH_ENDORSEMENT", "the endorsement hierarchy, or none");
export const TPMI_RH_PROVISION = handle("TPMI_RH_PROVISION", "the owner or the platform");
export const TPMI_RH_CLEAR = handle("TPMI_RH_CLEAR", "the lockout authorization or the platform");
export const TPMI_RH_NV_AUTH = handle("TPMI_RH_NV_AUTH", "who authorizes use of an NV index");
export const TPMI_RH_LOCKOUT = handle("TPMI_RH_LOCKOUT", "the lockout authorization");
export const TPMI_RH_NV_INDEX = handle("TPMI_RH_NV_INDEX", "an NV index");
export const TPMI_RH_NV_DEFINED_INDEX = handle("TPMI_RH_NV_DEFINED_INDEX", "an NV index, external ones too");
export const TPMI_RH_AC = handle("TPMI_RH_AC", "an attached component");
export const TPMI_RH_ACT = handle("TPMI_RH_ACT", "an authenticated countdown timer");
