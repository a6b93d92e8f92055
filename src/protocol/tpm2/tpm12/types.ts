/** Structures of TPM 1.2 (TPM Main, Part 2), as far as firmware and Linux meet them. */
import {
  alias,
  attributes,
  bit,
  buffer,
  constants,
  type Definition,
  f,
  fixedBytes,
  sized,
  struct,
  uint,
  union,
} from "../schema.ts";
import { UINT8, UINT16, UINT32, UINT64 } from "../types/integers.ts";
import { ordinalOf, ordinalTitle, TPM_ORD } from "./ordinals.ts";
import { TPM_RESULT } from "./return-codes.ts";

const SPEC = "TPM Main, Part 2";

export const TPM_TAG = constants("TPM_TAG", 2, `${SPEC}, 6`, "the kind of message", "TPM_TAG_", {
  RQU_COMMAND: [0x00c1, "a command without authorization"],
  RQU_AUTH1_COMMAND: [0x00c2, "a command with one authorization"],
  RQU_AUTH2_COMMAND: [0x00c3, "a command with two authorizations"],
  RSP_COMMAND: [0x00c4, "a response without authorization"],
  RSP_AUTH1_COMMAND: [0x00c5, "a response with one authorization"],
  RSP_AUTH2_COMMAND: [0x00c6, "a response with two authorizations"],
});

export const TPM_COMMAND_CODE = constants(
  "TPM_COMMAND_CODE",
  4,
  `${SPEC}, 17`,
  "a command",
  "",
  Object.fromEntries(
    Object.entries(TPM_ORD).map(([key, code]) => [
      `TPM_ORD_${key}`,
      [code, ordinalTitle(ordinalOf(code)!)] as const,
    ]),
  ),
);

export const TPM_RESULT_CODE = uint("TPM_RESULT", 4, "how the command ended", (code) => {
  const row = TPM_RESULT[code];
  return row ? `TPM_${row[0]}: ${row[1]}` : `0x${code.toString(16)}`;
});

export const BOOL = constants("BOOL", 1, `${SPEC}, 2.2.2`, "true or false", "", {
  FALSE: [0, "false"],
  TRUE: [1, "true"],
});
export const TPM_DIGEST = fixedBytes("TPM_DIGEST", 20, "a SHA-1 digest");
export const TPM_NONCE = fixedBytes("TPM_NONCE", 20, "a random number used once");
const TPM_AUTHDATA = fixedBytes("TPM_AUTHDATA", 20, "an authorization value or HMAC");
export const TPM_ENCAUTH = fixedBytes("TPM_ENCAUTH", 20, "an encrypted authorization value");
export const TPM_PCRINDEX = uint("TPM_PCRINDEX", 4, "a PCR", (pcr) => `PCR ${pcr}`);

/** A 32-bit count of bytes and the bytes. */
export const bytes32 = (meaning: string) => buffer("BYTE[]", SPEC, meaning, 4);
/** A 32-bit count of bytes and a structure of that size. */
export const sized32 = (field: string, content: Definition, meaning: string) =>
  sized(content.name, field, content, SPEC, meaning, 4);

export const TPM_KEY_HANDLE = constants(
  "TPM_KEY_HANDLE",
  4,
  `${SPEC}, 4.4`,
  "a key",
  "TPM_KH_",
  {
    SRK: [0x40000000, "the storage root key"],
    OWNER: [0x40000001, "the owner"],
    REVOKE: [0x40000002, "the value that revokes trust"],
    TRANSPORT: [0x40000003, "the transport session"],
    OPERATOR: [0x40000004, "the operator"],
    ADMIN: [0x40000005, "the delegation administrator"],
    EK: [0x40000006, "the endorsement key"],
  },
  (handle) => `handle 0x${handle.toString(16).toUpperCase().padStart(8, "0")}`,
);
export const TPM_AUTHHANDLE = alias(TPM_KEY_HANDLE, "TPM_AUTHHANDLE", "an authorization session");
export const TPM_HANDLE12 = alias(TPM_KEY_HANDLE, "TPM_HANDLE", "a key or session");

export const TPM_STARTUP_TYPE = constants("TPM_STARTUP_TYPE", 2, `${SPEC}, 4.5`, "how to start", "TPM_ST_", {
  CLEAR: [0x0001, "fresh: PCRs start over"],
  STATE: [0x0002, "going on from what TPM_SaveState kept"],
  DEACTIVATED: [0x0003, "without TPM functions until the next start"],
});
export const TPM_PHYSICAL_PRESENCE = attributes(
  "TPM_PHYSICAL_PRESENCE",
  2,
  `${SPEC}, 4.9`,
  "whether someone is at the machine, and how that is told",
  [
    bit(2, "LOCK", "physical presence stays as it is until the next start"),
    bit(3, "PRESENT", "someone is there"),
    bit(4, "NOTPRESENT", "nobody is there"),
    bit(5, "CMD_ENABLE", "this command may tell it"),
    bit(6, "HW_ENABLE", "hardware may tell it"),
    bit(7, "LIFETIME_LOCK", "how it is told can never change again"),
    bit(8, "CMD_DISABLE", "this command may not tell it"),
    bit(9, "HW_DISABLE", "hardware may not tell it"),
  ],
);
export const TPM_ENTITY_TYPE = constants(
  "TPM_ENTITY_TYPE",
  2,
  `${SPEC}, 4.3`,
  "what is authorized; the upper byte is the cipher of new secrets",
  "TPM_ET_",
  {
    KEYHANDLE: [0x0001, "a key"],
    OWNER: [0x0002, "the owner"],
    DATA: [0x0003, "data"],
    SRK: [0x0004, "the storage root key"],
    KEY: [0x0005, "a key blob"],
    REVOKE: [0x0006, "trust to be revoked"],
    DEL_OWNER_BLOB: [0x0007, "an owner delegation"],
    DEL_ROW: [0x0008, "a row of delegations"],
    DEL_KEY_BLOB: [0x0009, "a key delegation"],
    COUNTER: [0x000a, "a counter"],
    NV: [0x000b, "an NV area"],
    OPERATOR: [0x000c, "the operator"],
  },
);
export const TPM_PROTOCOL_ID = constants("TPM_PROTOCOL_ID", 2, `${SPEC}, 4.7`, "a protocol", "TPM_PID_", {
  OIAP: [1, "object-independent authorization"],
  OSAP: [2, "object-specific authorization"],
  ADIP: [3, "inserting a new secret"],
  ADCP: [4, "changing a secret"],
  OWNER: [5, "taking ownership"],
  DSAP: [6, "delegated authorization"],
  TRANSPORT: [7, "transport session"],
});
export const TPM_RESOURCE_TYPE = constants("TPM_RESOURCE_TYPE", 4, `${SPEC}, 4.1`, "a resource", "TPM_RT_", {
  KEY: [1, "a key"],
  AUTH: [2, "an authorization session"],
  HASH: [3, "a hash"],
  TRANS: [4, "a transport session"],
  CONTEXT: [5, "a context"],
  COUNTER: [6, "a counter"],
  DELEGATE: [7, "a delegation"],
  DAA_TPM: [8, "anonymous attestation of this TPM"],
  DAA_V0: [9, "a parameter of anonymous attestation"],
  DAA_V1: [10, "a parameter of anonymous attestation"],
});

export const TPM_PCR_SELECTION = buffer("TPM_PCR_SELECTION", `${SPEC}, 8.1`, "a bit map of PCRs", 2, "pcrs");
const TPM_LOCALITY_SELECTION = attributes("TPM_LOCALITY_SELECTION", 1, `${SPEC}, 8.6`, "localities", [
  bit(0, "TPM_LOC_ZERO", "locality 0"),
  bit(1, "TPM_LOC_ONE", "locality 1"),
  bit(2, "TPM_LOC_TWO", "locality 2"),
  bit(3, "TPM_LOC_THREE", "locality 3"),
  bit(4, "TPM_LOC_FOUR", "locality 4"),
]);
export const TPM_PCR_COMPOSITE = struct("TPM_PCR_COMPOSITE", `${SPEC}, 8.2`, "PCRs and their values", [
  f("select", TPM_PCR_SELECTION, "the PCRs"),
  f("pcrValue", bytes32("20 bytes a PCR"), "their values"),
]);
export const TPM_PCR_INFO_SHORT = struct(
  "TPM_PCR_INFO_SHORT",
  `${SPEC}, 8.5`,
  "PCRs that something is bound to",
  [
    f("pcrSelection", TPM_PCR_SELECTION, "the PCRs"),
    f("localityAtRelease", TPM_LOCALITY_SELECTION, "localities that may use it"),
    f("digestAtRelease", TPM_DIGEST, "digest that the PCRs must have"),
  ],
);

const TPM_ALGORITHM_ID = constants("TPM_ALGORITHM_ID", 4, `${SPEC}, 4.8`, "an algorithm", "TPM_ALG_", {
  RSA: [0x1, "RSA"],
  DES: [0x2, "DES"],
  "3DES": [0x3, "triple DES"],
  SHA: [0x4, "SHA-1"],
  HMAC: [0x5, "HMAC with SHA-1"],
  AES128: [0x6, "AES with 128 bits"],
  MGF1: [0x7, "XOR with a hash-made mask"],
  AES192: [0x8, "AES with 192 bits"],
  AES256: [0x9, "AES with 256 bits"],
  XOR: [0xa, "XOR with a nonce-made mask"],
});
const TPM_ENC_SCHEME = constants("TPM_ENC_SCHEME", 2, `${SPEC}, 5.8.1`, "an encryption scheme", "TPM_ES_", {
  NONE: [1, "none"],
  RSAESPKCSv15: [2, "PKCS#1 v1.5"],
  RSAESOAEP_SHA1_MGF1: [3, "OAEP with SHA-1"],
  SYM_CTR: [4, "counter mode"],
  SYM_OFB: [5, "output feedback mode"],
});
const TPM_SIG_SCHEME = constants("TPM_SIG_SCHEME", 2, `${SPEC}, 5.8.2`, "a signing scheme", "TPM_SS_", {
  NONE: [1, "none"],
  RSASSAPKCS1v15_SHA1: [2, "PKCS#1 v1.5 over SHA-1"],
  RSASSAPKCS1v15_DER: [3, "PKCS#1 v1.5 over DER"],
  RSASSAPKCS1v15_INFO: [4, "PKCS#1 v1.5 over TPM_SIGN_INFO"],
});
const TPM_RSA_KEY_PARMS = struct("TPM_RSA_KEY_PARMS", `${SPEC}, 10.1.1`, "an RSA key", [
  f("keyLength", UINT32, "bits of the modulus"),
  f("numPrimes", UINT32, "prime factors"),
  f("exponent", bytes32("the public exponent"), "the public exponent; empty for 65537"),
]);
export const TPM_KEY_PARMS = struct("TPM_KEY_PARMS", `${SPEC}, 10.1`, "what kind of key it is", [
  f("algorithmID", TPM_ALGORITHM_ID, "the algorithm"),
  f("encScheme", TPM_ENC_SCHEME, "how it encrypts"),
  f("sigScheme", TPM_SIG_SCHEME, "how it signs"),
  f(
    "parms",
    union(
      "BYTE[]",
      `${SPEC}, 10.1`,
      "parameters of the algorithm",
      [[1, sized32("rsa", TPM_RSA_KEY_PARMS, "an RSA key")]],
      bytes32("parameters of the algorithm"),
    ),
    "parameters of the algorithm",
    "algorithmID",
  ),
]);
const TPM_STORE_PUBKEY = buffer("TPM_STORE_PUBKEY", `${SPEC}, 10.4`, "a modulus", 4);
export const TPM_PUBKEY = struct("TPM_PUBKEY", `${SPEC}, 10.5`, "a public key", [
  f("algorithmParms", TPM_KEY_PARMS, "what kind of key it is"),
  f("pubKey", TPM_STORE_PUBKEY, "the modulus"),
]);
const TPM_KEY_USAGE = constants("TPM_KEY_USAGE", 2, `${SPEC}, 5.8`, "what a key is for", "TPM_KEY_", {
  SIGNING: [0x0010, "signing"],
  STORAGE: [0x0011, "protecting other keys"],
  IDENTITY: [0x0012, "identity"],
  AUTHCHANGE: [0x0013, "changing an authorization"],
  BIND: [0x0014, "binding data"],
  LEGACY: [0x0015, "signing and binding"],
  MIGRATE: [0x0016, "migration"],
});
const TPM_KEY_FLAGS = attributes("TPM_KEY_FLAGS", 4, `${SPEC}, 5.10`, "properties of a key", [
  bit(0, "redirection", "output may be redirected"),
  bit(1, "migratable", "may leave this TPM"),
  bit(2, "isVolatile", "is unloaded at the next start"),
  bit(3, "pcrIgnoredOnRead", "the public part can be read whatever the PCRs are"),
  bit(4, "migrateAuthority", "migrates by an authority only"),
]);
/** TPM_KEY or TPM_KEY12: the first four bytes are a version (1.1.0.0), or the tag 0x0028 and two zero bytes. */
export const TPM_KEY = struct("TPM_KEY", `${SPEC}, 10.2`, "a key with its encrypted private part", [
  f("ver", fixedBytes("TPM_STRUCT_VER", 4, "version, or tag of TPM_KEY12"), "version, or tag of TPM_KEY12"),
  f("keyUsage", TPM_KEY_USAGE, "what it is for"),
  f("keyFlags", TPM_KEY_FLAGS, "its properties"),
  f("authDataUsage", UINT8, "0: never, 1: always, 3: for the private part only"),
  f("algorithmParms", TPM_KEY_PARMS, "what kind of key it is"),
  f("PCRInfo", bytes32("PCRs"), "PCRs that it is bound to; empty for none"),
  f("pubKey", TPM_STORE_PUBKEY, "the modulus"),
  f("encData", bytes32("ciphertext"), "the encrypted private part"),
]);
export const TPM_STORED_DATA = struct("TPM_STORED_DATA", `${SPEC}, 9.1`, "sealed data", [
  f("ver", fixedBytes("TPM_STRUCT_VER", 4, "version, or tag of TPM_STORED_DATA12"), "version, or tag"),
  f("sealInfo", bytes32("PCRs"), "PCRs that they are bound to"),
  f("encData", bytes32("ciphertext"), "the encrypted data"),
]);
export const TPM_SYMMETRIC_KEY = struct("TPM_SYMMETRIC_KEY", `${SPEC}, 10.9`, "a symmetric key", [
  f("algId", TPM_ALGORITHM_ID, "the algorithm"),
  f("encScheme", TPM_ENC_SCHEME, "its mode"),
  f("data", buffer("BYTE[]", SPEC, "the key", 2), "the key"),
]);
export const TPM_COUNTER_VALUE = struct("TPM_COUNTER_VALUE", `${SPEC}, 14.1`, "a counter", [
  f("tag", UINT16, "14"),
  f("label", fixedBytes("BYTE[4]", 4, "the counter's label", "ascii"), "the counter's label"),
  f("counter", UINT32, "its value"),
]);
export const TPM_CURRENT_TICKS = struct("TPM_CURRENT_TICKS", `${SPEC}, 15.1`, "the TPM's time", [
  f("tag", UINT16, "20"),
  f("currentTicks", UINT64, "ticks since the tick session began"),
  f("tickRate", UINT16, "microseconds a tick"),
  f("tickNonce", TPM_NONCE, "the tick session"),
]);
export const TPM_VERSION = fixedBytes("TPM_VERSION", 4, "major, minor, revision major, revision minor");
export const TPM_CAP_VERSION_INFO = struct("TPM_CAP_VERSION_INFO", `${SPEC}, 21.6`, "version of the TPM", [
  f("tag", UINT16, "48"),
  f("version", TPM_VERSION, "major, minor, revision major, revision minor"),
  f("specLevel", UINT16, "level of the specification"),
  f("errataRev", UINT8, "its errata"),
  f("tpmVendorID", fixedBytes("BYTE[4]", 4, "the maker", "ascii"), "the maker"),
  f("vendorSpecific", buffer("BYTE[]", SPEC, "the maker's own", 2), "the maker's own"),
]);

const TPM_NV_INDEX = uint("TPM_NV_INDEX", 4, "an NV index", "hex");
const TPM_NV_PER = attributes("TPM_NV_ATTRIBUTES", 4, `${SPEC}, 19.2`, "who may use an NV area", [
  bit(0, "PPWRITE", "physical presence writes"),
  bit(1, "OWNERWRITE", "the owner writes"),
  bit(2, "AUTHWRITE", "its authorization writes"),
  bit(12, "WRITEALL", "must be written as a whole"),
  bit(13, "WRITEDEFINE", "can be locked for good"),
  bit(14, "WRITE_STCLEAR", "can be locked against writing until the next start"),
  bit(15, "GLOBALLOCK", "locked with all others"),
  bit(16, "PPREAD", "physical presence reads"),
  bit(17, "OWNERREAD", "the owner reads"),
  bit(18, "AUTHREAD", "its authorization reads"),
  bit(31, "READ_STCLEAR", "can be locked against reading until the next start"),
]);
export const TPM_NV_DATA_PUBLIC = struct("TPM_NV_DATA_PUBLIC", `${SPEC}, 19.3`, "an NV area", [
  f("tag", UINT16, "24"),
  f("nvIndex", TPM_NV_INDEX, "the index"),
  f("pcrInfoRead", TPM_PCR_INFO_SHORT, "PCRs that reading needs"),
  f("pcrInfoWrite", TPM_PCR_INFO_SHORT, "PCRs that writing needs"),
  f("permissionTag", UINT16, "23"),
  f("permission", TPM_NV_PER, "who may use it"),
  f("bReadSTClear", BOOL, "reading is locked now"),
  f("bWriteSTClear", BOOL, "writing is locked now"),
  f("bWriteDefine", BOOL, "writing is locked for good"),
  f("dataSize", UINT32, "bytes of data"),
]);
export { TPM_NV_INDEX };

const flags = (name: string, section: string, meaning: string, names: readonly string[]) =>
  struct(name, `${SPEC}, ${section}`, meaning, [
    f("tag", UINT16, "tag of the structure"),
    ...names.map((flag) => f(flag, BOOL, flag)),
  ]);
export const TPM_PERMANENT_FLAGS = flags("TPM_PERMANENT_FLAGS", "7.1", "state that survives a restart", [
  "disable",
  "ownership",
  "deactivated",
  "readPubek",
  "disableOwnerClear",
  "allowMaintenance",
  "physicalPresenceLifetimeLock",
  "physicalPresenceHWEnable",
  "physicalPresenceCMDEnable",
  "CEKPUsed",
  "TPMpost",
  "TPMpostLock",
  "FIPS",
  "operator",
  "enableRevokeEK",
  "nvLocked",
  "readSRKPub",
  "tpmEstablished",
  "maintenanceDone",
  "disableFullDALogicInfo",
]);
export const TPM_STCLEAR_FLAGS = flags("TPM_STCLEAR_FLAGS", "7.2", "state that a restart sets anew", [
  "deactivated",
  "disableForceClear",
  "physicalPresence",
  "physicalPresenceLock",
  "bGlobalLock",
]);
export const TIMEOUTS = struct(
  "UINT32[4]",
  `${SPEC}, 21.2`,
  "time limits of the interface, in microseconds",
  [
    f("A", UINT32, "microseconds"),
    f("B", UINT32, "microseconds"),
    f("C", UINT32, "microseconds"),
    f("D", UINT32, "microseconds"),
  ],
);
export const DURATIONS = struct(
  "UINT32[3]",
  `${SPEC}, 21.2`,
  "longest durations of commands, in microseconds",
  [
    f("short", UINT32, "microseconds"),
    f("medium", UINT32, "microseconds"),
    f("long", UINT32, "microseconds"),
  ],
);
/** Items without a count, up to the end of the enclosing structure. */
export const NV_INDEXES = fixedBytes("TPM_NV_INDEX[]", "rest", "NV indexes, four bytes each");

/** Authorizations stand at the end of a message. */
export const COMMAND_AUTH = struct("authorization", "TPM Main, Part 1, 13", "one authorization", [
  f("authHandle", TPM_AUTHHANDLE, "the session"),
  f("nonceOdd", TPM_NONCE, "the caller's nonce"),
  f("continueAuthSession", BOOL, "whether the session lives on"),
  f("auth", TPM_AUTHDATA, "HMAC of the command with the secret"),
]);
export const RESPONSE_AUTH = struct("authorization", "TPM Main, Part 1, 13", "one authorization", [
  f("nonceEven", TPM_NONCE, "the TPM's nonce"),
  f("continueAuthSession", BOOL, "whether the session lives on"),
  f("resAuth", TPM_AUTHDATA, "HMAC of the response with the secret"),
]);
