/** What TPM_GetCapability of TPM 1.2 asks and answers (TPM Main, Part 2, section 21). */
import { buffer, constants, type Definition, fixedBytes, uint, union } from "../schema.ts";
import { UINT32 } from "../types/integers.ts";
import {
  BOOL,
  DURATIONS,
  NV_INDEXES,
  sized32,
  TIMEOUTS,
  TPM_CAP_VERSION_INFO,
  TPM_COMMAND_CODE,
  TPM_NV_DATA_PUBLIC,
  TPM_NV_INDEX,
  TPM_PERMANENT_FLAGS,
  TPM_STCLEAR_FLAGS,
  TPM_VERSION,
} from "./types.ts";

const SPEC = "TPM Main, Part 2, 21";

export const TPM_CAPABILITY_AREA = constants(
  "TPM_CAPABILITY_AREA",
  4,
  `${SPEC}.1`,
  "what to ask about",
  "TPM_CAP_",
  {
    ORD: [0x01, "whether it has a command"],
    ALG: [0x02, "whether it has an algorithm"],
    PID: [0x03, "whether it has a protocol"],
    FLAG: [0x04, "its flags"],
    PROPERTY: [0x05, "a property"],
    VERSION: [0x06, "its version (1.1 form)"],
    KEY_HANDLE: [0x07, "loaded keys"],
    CHECK_LOADED: [0x08, "whether a key could be loaded"],
    SYM_MODE: [0x09, "whether it has a cipher mode"],
    KEY_STATUS: [0x0c, "state of a key"],
    NV_LIST: [0x0d, "its NV indexes"],
    MFR: [0x10, "the maker's own"],
    NV_INDEX: [0x11, "an NV index"],
    TRANS_ALG: [0x12, "algorithms of transport sessions"],
    HANDLE: [0x14, "handles of a kind"],
    TRANS_ES: [0x15, "ciphers of transport sessions"],
    AUTH_ENCRYPT: [0x17, "ciphers of new secrets"],
    SELECT_SIZE: [0x18, "sizes of PCR bit maps"],
    DA_LOGIC: [0x19, "defence against guessing"],
    VERSION_VAL: [0x1a, "its version"],
  },
);

const FLAG = constants("TPM_CAP_FLAG", 4, `${SPEC}.1`, "which flags", "TPM_CAP_FLAG_", {
  PERMANENT: [0x108, "those that survive a restart"],
  VOLATILE: [0x109, "those that a restart sets anew"],
});
const PROPERTY = constants("TPM_CAP_PROPERTY", 4, `${SPEC}.2`, "a property", "TPM_CAP_PROP_", {
  PCR: [0x101, "number of PCRs"],
  DIR: [0x102, "number of data integrity registers"],
  MANUFACTURER: [0x103, "the maker, as four characters"],
  KEYS: [0x104, "keys that can still be loaded"],
  MIN_COUNTER: [0x107, "tenths of a second between increments of a counter"],
  AUTHSESS: [0x10a, "authorization sessions that can still be opened"],
  TRANSESS: [0x10b, "transport sessions that can still be opened"],
  COUNTERS: [0x10c, "counters that can still be made"],
  MAX_AUTHSESS: [0x10d, "authorization sessions at most"],
  MAX_TRANSESS: [0x10e, "transport sessions at most"],
  MAX_COUNTERS: [0x10f, "counters at most"],
  MAX_KEYS: [0x110, "loaded keys at most"],
  OWNER: [0x111, "whether there is an owner"],
  CONTEXT: [0x112, "sessions that can still be saved"],
  MAX_CONTEXT: [0x113, "saved sessions at most"],
  FAMILYROWS: [0x114, "rows of the family table"],
  TIS_TIMEOUT: [0x115, "time limits of the interface"],
  STARTUP_EFFECT: [0x116, "what a start-up does"],
  DELEGATE_ROW: [0x117, "rows of the delegation table"],
  MAX_DAASESS: [0x119, "anonymous attestations at most"],
  DAASESS: [0x11a, "anonymous attestations that can still be begun"],
  CONTEXT_DIST: [0x11b, "largest gap between saved contexts"],
  DAA_INTERRUPT: [0x11c, "whether anonymous attestation can be interrupted"],
  SESSIONS: [0x11d, "sessions that can still be opened"],
  MAX_SESSIONS: [0x11e, "sessions at most"],
  CMK_RESTRICTION: [0x11f, "restrictions of migration"],
  DURATION: [0x120, "longest durations of commands"],
  ACTIVE_COUNTER: [0x122, "the counter in use"],
  MAX_NV_AVAILABLE: [0x123, "largest NV area that can be made"],
  INPUT_BUFFER: [0x124, "largest command in bytes"],
});

/** The sub-capability, in a command. */
export const SUB_CAP = union(
  "BYTE[]",
  SPEC,
  "more about what to ask",
  [
    [0x01, sized32("ordinal", TPM_COMMAND_CODE, "a command")],
    [0x04, sized32("flag", FLAG, "which flags")],
    [0x05, sized32("property", PROPERTY, "a property")],
    [0x11, sized32("nvIndex", TPM_NV_INDEX, "an NV index")],
  ],
  buffer("BYTE[]", SPEC, "more about what to ask", 4),
);

const YES_NO_PROPERTIES = [0x111, 0x11c];

/** The form of the answer to `area` and `subCap`. */
export function capabilityAnswer(area: number | undefined, subCap: number | undefined): Definition {
  if (area === 0x01) return BOOL;
  if (area === 0x04 && subCap === 0x108) return TPM_PERMANENT_FLAGS;
  if (area === 0x04 && subCap === 0x109) return TPM_STCLEAR_FLAGS;
  if (area === 0x05) return propertyAnswer(subCap);
  if (area === 0x06) return TPM_VERSION;
  if (area === 0x0d) return NV_INDEXES;
  if (area === 0x11) return TPM_NV_DATA_PUBLIC;
  if (area === 0x1a) return TPM_CAP_VERSION_INFO;
  return fixedBytes("BYTE[]", "rest", "the answer");
}

function propertyAnswer(property: number | undefined): Definition {
  if (property === 0x103) return fixedBytes("BYTE[4]", 4, "four characters", "ascii");
  if (property === 0x115) return TIMEOUTS;
  if (property === 0x120) return DURATIONS;
  if (property !== undefined && YES_NO_PROPERTIES.includes(property)) return BOOL;
  return property === 0x122 ? uint("UINT32", 4, "a counter", "hex") : UINT32;
}
