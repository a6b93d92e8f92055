/** TPM_PT: properties that TPM2_GetCapability(TPM_CAP_TPM_PROPERTIES) tells (Part 2, 6.13), and how their values read. */
import { constants, type Definition, fixedBytes, uint } from "../schema.ts";
import {
  TPMA_MEMORY,
  TPMA_ML_PARAMETER_SET,
  TPMA_MODES,
  TPMA_PERMANENT,
  TPMA_STARTUP_CLEAR,
} from "./attributes.ts";
import { TPM_PS } from "./constants.ts";
import { HEX32, named32, TPM_ALG_ID } from "./integers.ts";

const PT_FIXED = 0x100;
const PT_VAR = 0x200;

export const TPM_PT = constants("TPM_PT", 4, "Part 2, 6.13", "a property of the TPM", "TPM_PT_", {
  FAMILY_INDICATOR: [PT_FIXED, "the TPM family, as four characters"],
  LEVEL: [PT_FIXED + 1, "level of the specification"],
  REVISION: [PT_FIXED + 2, "revision of the specification, times 100"],
  DAY_OF_YEAR: [PT_FIXED + 3, "day of the year of the specification"],
  YEAR: [PT_FIXED + 4, "year of the specification"],
  MANUFACTURER: [PT_FIXED + 5, "the maker, as four characters"],
  VENDOR_STRING_1: [PT_FIXED + 6, "the vendor's text, characters 1-4"],
  VENDOR_STRING_2: [PT_FIXED + 7, "the vendor's text, characters 5-8"],
  VENDOR_STRING_3: [PT_FIXED + 8, "the vendor's text, characters 9-12"],
  VENDOR_STRING_4: [PT_FIXED + 9, "the vendor's text, characters 13-16"],
  VENDOR_TPM_TYPE: [PT_FIXED + 10, "the vendor's number for the model"],
  FIRMWARE_VERSION_1: [PT_FIXED + 11, "firmware version, upper half"],
  FIRMWARE_VERSION_2: [PT_FIXED + 12, "firmware version, lower half"],
  INPUT_BUFFER: [PT_FIXED + 13, "largest TPM2B_MAX_BUFFER in bytes"],
  HR_TRANSIENT_MIN: [PT_FIXED + 14, "objects that can be loaded at least"],
  HR_PERSISTENT_MIN: [PT_FIXED + 15, "objects that can be persistent at least"],
  HR_LOADED_MIN: [PT_FIXED + 16, "sessions that can be loaded at least"],
  ACTIVE_SESSIONS_MAX: [PT_FIXED + 17, "sessions that can be active at most"],
  PCR_COUNT: [PT_FIXED + 18, "number of PCRs"],
  PCR_SELECT_MIN: [PT_FIXED + 19, "least bytes of a PCR bit map"],
  CONTEXT_GAP_MAX: [PT_FIXED + 20, "largest gap between saved session contexts"],
  NV_COUNTERS_MAX: [PT_FIXED + 22, "NV counters at most; 0 for no limit"],
  NV_INDEX_MAX: [PT_FIXED + 23, "largest NV index in bytes"],
  MEMORY: [PT_FIXED + 24, "how the TPM's memory is shared"],
  CLOCK_UPDATE: [PT_FIXED + 25, "milliseconds between the clock's writes to NV"],
  CONTEXT_HASH: [PT_FIXED + 26, "hash of saved contexts"],
  CONTEXT_SYM: [PT_FIXED + 27, "cipher of saved contexts"],
  CONTEXT_SYM_SIZE: [PT_FIXED + 28, "bits of the key of saved contexts"],
  ORDERLY_COUNT: [PT_FIXED + 29, "increments between writes of an orderly counter, less one"],
  MAX_COMMAND_SIZE: [PT_FIXED + 30, "largest command in bytes"],
  MAX_RESPONSE_SIZE: [PT_FIXED + 31, "largest response in bytes"],
  MAX_DIGEST: [PT_FIXED + 32, "largest digest in bytes"],
  MAX_OBJECT_CONTEXT: [PT_FIXED + 33, "largest saved object in bytes"],
  MAX_SESSION_CONTEXT: [PT_FIXED + 34, "largest saved session in bytes"],
  PS_FAMILY_INDICATOR: [PT_FIXED + 35, "the platform the TPM is made for"],
  PS_LEVEL: [PT_FIXED + 36, "level of the platform's specification"],
  PS_REVISION: [PT_FIXED + 37, "revision of the platform's specification"],
  PS_DAY_OF_YEAR: [PT_FIXED + 38, "day of the year of the platform's specification"],
  PS_YEAR: [PT_FIXED + 39, "year of the platform's specification"],
  SPLIT_MAX: [PT_FIXED + 40, "split signing operations at most"],
  TOTAL_COMMANDS: [PT_FIXED + 41, "commands in all"],
  LIBRARY_COMMANDS: [PT_FIXED + 42, "commands of the library specification"],
  VENDOR_COMMANDS: [PT_FIXED + 43, "commands of the vendor"],
  NV_BUFFER_MAX: [PT_FIXED + 44, "bytes of one NV read or write at most"],
  MODES: [PT_FIXED + 45, "modes of operation"],
  MAX_CAP_BUFFER: [PT_FIXED + 46, "largest TPM2_GetCapability answer in bytes"],
  FIRMWARE_SVN: [PT_FIXED + 47, "security version of the firmware"],
  FIRMWARE_MAX_SVN: [PT_FIXED + 48, "largest security version that firmware can have"],
  ML_PARAMETER_SETS: [PT_FIXED + 49, "parameter sets of ML-KEM and ML-DSA"],
  PERMANENT: [PT_VAR, "state that survives a restart"],
  STARTUP_CLEAR: [PT_VAR + 1, "state that a restart sets anew"],
  HR_NV_INDEX: [PT_VAR + 2, "NV indexes defined"],
  HR_LOADED: [PT_VAR + 3, "sessions loaded"],
  HR_LOADED_AVAIL: [PT_VAR + 4, "sessions that can still be loaded"],
  HR_ACTIVE: [PT_VAR + 5, "sessions active"],
  HR_ACTIVE_AVAIL: [PT_VAR + 6, "sessions that can still be started"],
  HR_TRANSIENT_AVAIL: [PT_VAR + 7, "objects that can still be loaded, estimated"],
  HR_PERSISTENT: [PT_VAR + 8, "persistent objects"],
  HR_PERSISTENT_AVAIL: [PT_VAR + 9, "objects that can still be made persistent, estimated"],
  NV_COUNTERS: [PT_VAR + 10, "NV counters defined"],
  NV_COUNTERS_AVAIL: [PT_VAR + 11, "NV counters that can still be defined, estimated"],
  ALGORITHM_SET: [PT_VAR + 12, "code of the set of algorithms in use"],
  LOADED_CURVES: [PT_VAR + 13, "elliptic curves loaded"],
  LOCKOUT_COUNTER: [PT_VAR + 14, "wrong authorizations counted now"],
  MAX_AUTH_FAIL: [PT_VAR + 15, "wrong authorizations before lockout"],
  LOCKOUT_INTERVAL: [PT_VAR + 16, "seconds until one wrong authorization is forgiven"],
  LOCKOUT_RECOVERY: [PT_VAR + 17, "seconds until the lockout hierarchy may try again"],
  NV_WRITE_RECOVERY: [PT_VAR + 18, "milliseconds until NV can be written again"],
  AUDIT_COUNTER_0: [PT_VAR + 19, "command audit counter, upper half"],
  AUDIT_COUNTER_1: [PT_VAR + 20, "command audit counter, lower half"],
});

const FOUR_CHARACTERS = fixedBytes("UINT32", 4, "four characters", "ascii");
const REVISION = uint("UINT32", 4, "a revision, times 100", (value) => (value / 100).toFixed(2));

/** A TPM_PS; software TPMs have the family's four characters here. */
const PLATFORM = uint(
  "TPM_PS",
  4,
  TPM_PS.meaning,
  (value) => TPM_PS.values.get(value)?.name ?? fourCharacters(value),
);

function fourCharacters(word: number): string {
  const codes = [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff);
  const printable = codes.every((code) => code === 0 || (code >= 0x20 && code < 0x7f));
  return printable ? `"${String.fromCharCode(...codes.filter(Boolean))}"` : `${word}`;
}

/** Values that are more than a plain number, by property. */
export const PROPERTY_VALUES: readonly (readonly [property: number, type: Definition])[] = [
  ...[0, 5, 6, 7, 8, 9].map((offset) => [PT_FIXED + offset, FOUR_CHARACTERS] as const),
  [PT_FIXED + 2, REVISION],
  [PT_FIXED + 11, HEX32],
  [PT_FIXED + 12, HEX32],
  [PT_FIXED + 24, TPMA_MEMORY],
  [PT_FIXED + 26, named32(TPM_ALG_ID)],
  [PT_FIXED + 27, named32(TPM_ALG_ID)],
  [PT_FIXED + 35, PLATFORM],
  [PT_FIXED + 37, REVISION],
  [PT_FIXED + 45, TPMA_MODES],
  [PT_FIXED + 49, TPMA_ML_PARAMETER_SET],
  [PT_VAR, TPMA_PERMANENT],
  [PT_VAR + 1, TPMA_STARTUP_CLEAR],
];
