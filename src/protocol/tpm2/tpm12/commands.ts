/**
 * Commands of TPM 1.2 (TPM Main, Part 3; TSC commands: TIS 1.3) as far as firmware, Linux and its tools send them.
 * Authorizations are not listed: the tag says how many stand at the end of the message.
 */
import { type FieldSpec, f, fixedBytes } from "../schema.ts";
import { UINT32 } from "../types/integers.ts";
import { SUB_CAP, TPM_CAPABILITY_AREA } from "./capabilities.ts";
import type { OrdinalName } from "./ordinals.ts";
import {
  BOOL,
  bytes32,
  sized32,
  TPM_AUTHHANDLE,
  TPM_CAP_VERSION_INFO,
  TPM_COMMAND_CODE,
  TPM_COUNTER_VALUE,
  TPM_CURRENT_TICKS,
  TPM_DIGEST,
  TPM_ENCAUTH,
  TPM_ENTITY_TYPE,
  TPM_HANDLE12,
  TPM_KEY,
  TPM_KEY_HANDLE,
  TPM_KEY_PARMS,
  TPM_NONCE,
  TPM_NV_DATA_PUBLIC,
  TPM_NV_INDEX,
  TPM_PCR_COMPOSITE,
  TPM_PCR_INFO_SHORT,
  TPM_PCR_SELECTION,
  TPM_PCRINDEX,
  TPM_PHYSICAL_PRESENCE,
  TPM_PROTOCOL_ID,
  TPM_PUBKEY,
  TPM_RESOURCE_TYPE,
  TPM_STARTUP_TYPE,
  TPM_STORED_DATA,
  TPM_SYMMETRIC_KEY,
  TPM_VERSION,
} from "./types.ts";

export interface Command12Spec {
  readonly meaning: string;
  readonly parameters: readonly FieldSpec[];
  readonly response: readonly FieldSpec[];
}

function command(
  meaning: string,
  parameters: readonly FieldSpec[] = [],
  response: readonly FieldSpec[] = [],
): Command12Spec {
  return { meaning, parameters, response };
}

const KEY = f("keyHandle", TPM_KEY_HANDLE, "the key");
const PARENT = f("parentHandle", TPM_KEY_HANDLE, "the parent key");
const PCR = f("pcrNum", TPM_PCRINDEX, "the PCR");
const ANTI_REPLAY = f("antiReplay", TPM_NONCE, "a nonce against replay");
const OUT_DIGEST = f("outDigest", TPM_DIGEST, "the PCR's value");
const SIGNATURE = f("sig", bytes32("a signature"), "the signature");
const IN_DATA = f("inData", bytes32("data"), "the data");
const OUT_DATA = f("outData", bytes32("data"), "the data");
const HASH_DATA = f("hashData", bytes32("data"), "the data to hash");
const STATE = f("state", BOOL, "the new state");
const COUNTER_ID = f("countID", UINT32, "the counter");
const COUNTER = f("counterValue", TPM_COUNTER_VALUE, "the counter");
const NV_INDEX = f("nvIndex", TPM_NV_INDEX, "the NV index");
const OFFSET = f("offset", UINT32, "first byte");
const SESSION = [
  f("authHandle", TPM_AUTHHANDLE, "the new session"),
  f("nonceEven", TPM_NONCE, "the TPM's first nonce"),
];
const SEAL = command(
  "Encrypts data so that only this TPM opens them, with these PCRs.",
  [
    KEY,
    f("encAuth", TPM_ENCAUTH, "encrypted password of the data"),
    f("pcrInfo", bytes32("PCRs"), "PCRs to bind to; empty for none"),
    IN_DATA,
  ],
  [f("sealedData", TPM_STORED_DATA, "the sealed data")],
);
const LOAD_KEY = command(
  "Loads a key under its parent.",
  [PARENT, f("inKey", TPM_KEY, "the key")],
  [f("inkeyHandle", TPM_KEY_HANDLE, "the loaded key")],
);
const NV_WRITE = command("Writes to an NV area.", [NV_INDEX, OFFSET, f("data", bytes32("data"), "the data")]);
const NV_READ = command(
  "Reads an NV area.",
  [NV_INDEX, OFFSET, f("dataSize", UINT32, "how many bytes")],
  [f("data", bytes32("data"), "the data")],
);
const PUBEK = [
  f("pubEndorsementKey", TPM_PUBKEY, "the public endorsement key"),
  f("checksum", TPM_DIGEST, "digest of key and nonce"),
];

/** A command that is not here is shown by name, its parameters as bytes. */
export const COMMANDS12: Readonly<Partial<Record<OrdinalName, Command12Spec>>> = {
  Init: command("Tells the TPM of a power-on; hardware does it."),
  Startup: command("Starts the TPM after power-on; nothing else works before.", [
    f("startupType", TPM_STARTUP_TYPE, "fresh, going on, or deactivated"),
  ]),
  SaveState: command("Keeps the state over a loss of power."),
  SelfTestFull: command("Makes the TPM test everything."),
  ContinueSelfTest: command("Makes the TPM finish its self-test."),
  GetTestResult: command("Tells how the self-test went.", [], [OUT_DATA]),
  SetOwnerInstall: command("Allows or forbids taking ownership.", [STATE]),
  OwnerSetDisable: command("The owner switches the TPM off or on.", [f("disableState", BOOL, "true: off")]),
  PhysicalEnable: command("Someone at the machine switches the TPM on."),
  PhysicalDisable: command("Someone at the machine switches the TPM off."),
  PhysicalSetDeactivated: command("Someone at the machine deactivates the TPM, or activates it.", [STATE]),
  SetTempDeactivated: command("Deactivates the TPM until the next start."),
  SetOperatorAuth: command("Sets the operator's password.", [f("operatorAuth", TPM_ENCAUTH, "the password")]),
  TakeOwnership: command(
    "Makes someone the owner and creates the storage root key.",
    [
      f("protocolID", TPM_PROTOCOL_ID, "the protocol"),
      f("encOwnerAuth", bytes32("ciphertext"), "the owner's password, encrypted for the endorsement key"),
      f("encSrkAuth", bytes32("ciphertext"), "the storage root key's password, likewise"),
      f("srkParams", TPM_KEY, "the storage root key wanted"),
    ],
    [f("srkPub", TPM_KEY, "the storage root key")],
  ),
  OwnerClear: command("The owner gives the TPM up: the owner's keys are lost."),
  ForceClear: command("Someone at the machine clears the owner."),
  DisableOwnerClear: command("Forbids TPM_OwnerClear for good."),
  DisableForceClear: command("Forbids TPM_ForceClear until the next start."),
  TSC_PhysicalPresence: command("Firmware tells whether someone is at the machine.", [
    f("physicalPresence", TPM_PHYSICAL_PRESENCE, "presence, and how it is told"),
  ]),
  TSC_ResetEstablishmentBit: command("Resets the flag that a dynamic launch was measured."),
  GetCapability: command(
    "Asks the TPM what it is and what it has.",
    [
      f("capArea", TPM_CAPABILITY_AREA, "what to ask about"),
      f("subCap", SUB_CAP, "more about it", "capArea"),
    ],
    [f("resp", bytes32("the answer"), "the answer")],
  ),
  SetCapability: command("Sets a property of the TPM.", [
    f("capArea", TPM_CAPABILITY_AREA, "what to set"),
    f("subCap", bytes32("more about what to set"), "more about it"),
    f("setValue", bytes32("a value"), "the new value"),
  ]),
  GetCapabilityOwner: command(
    "Gives the owner version and flags.",
    [],
    [
      f("version", TPM_VERSION, "the version"),
      f("non_volatile_flags", UINT32, "flags that survive a restart"),
      f("volatile_flags", UINT32, "flags that do not"),
    ],
  ),
  GetOrdinalAuditStatus: command(
    "Asks whether a command is audited.",
    [f("ordinalToQuery", TPM_COMMAND_CODE, "the command")],
    [f("state", BOOL, "whether it is")],
  ),
  SetOrdinalAuditStatus: command("Sets whether a command is audited.", [
    f("ordinalToAudit", TPM_COMMAND_CODE, "the command"),
    f("auditState", BOOL, "whether it is to be"),
  ]),
  GetAuditDigest: command(
    "Gives the audit digest.",
    [f("startOrdinal", UINT32, "first command to list")],
    [
      f("counterValue", TPM_COUNTER_VALUE, "the audit counter"),
      f("auditDigest", TPM_DIGEST, "the audit digest"),
      f("more", BOOL, "whether more commands are audited"),
      f("ordList", bytes32("commands, four bytes each"), "the audited commands"),
    ],
  ),
  Seal: SEAL,
  Sealx: SEAL,
  Unseal: command(
    "Opens sealed data.",
    [PARENT, f("inData", TPM_STORED_DATA, "the sealed data")],
    [f("secret", bytes32("data"), "the data")],
  ),
  UnBind: command("Decrypts data that were encrypted for a key.", [KEY, IN_DATA], [OUT_DATA]),
  CreateWrapKey: command(
    "Makes a key under a parent.",
    [
      PARENT,
      f("dataUsageAuth", TPM_ENCAUTH, "encrypted password for its use"),
      f("dataMigrationAuth", TPM_ENCAUTH, "encrypted password for its migration"),
      f("keyInfo", TPM_KEY, "the key wanted"),
    ],
    [f("wrappedKey", TPM_KEY, "the key")],
  ),
  LoadKey: LOAD_KEY,
  LoadKey2: LOAD_KEY,
  GetPubKey: command(
    "Reads the public part of a loaded key.",
    [KEY],
    [f("pubKey", TPM_PUBKEY, "the public key")],
  ),
  EvictKey: command("Makes the TPM forget a loaded key.", [f("evictHandle", TPM_KEY_HANDLE, "the key")]),
  KeyControlOwner: command("The owner keeps a key loaded, or no longer.", [
    KEY,
    f("pubKey", TPM_PUBKEY, "its public part"),
    f("bitName", UINT32, "the property"),
    f("bitValue", BOOL, "its new value"),
  ]),
  FlushSpecific: command("Makes the TPM forget a resource.", [
    f("handle", TPM_HANDLE12, "the resource"),
    f("resourceType", TPM_RESOURCE_TYPE, "its kind"),
  ]),
  SaveContext: command(
    "Writes a resource out of the TPM, encrypted.",
    [
      f("handle", TPM_HANDLE12, "the resource"),
      f("resourceType", TPM_RESOURCE_TYPE, "its kind"),
      f("label", fixedBytes("BYTE[16]", 16, "a label"), "a label"),
    ],
    [f("contextBlob", bytes32("a context"), "the saved context")],
  ),
  LoadContext: command(
    "Takes a saved resource back in.",
    [
      f("entityHandle", TPM_HANDLE12, "what it belongs to"),
      f("keepHandle", BOOL, "whether it is to have the same handle"),
      f("contextBlob", bytes32("a context"), "the saved context"),
    ],
    [f("handle", TPM_HANDLE12, "its handle")],
  ),
  ChangeAuth: command(
    "Changes a password.",
    [
      PARENT,
      f("protocolID", TPM_PROTOCOL_ID, "the protocol"),
      f("newAuth", TPM_ENCAUTH, "the new password, encrypted"),
      f("entityType", TPM_ENTITY_TYPE, "what it belongs to"),
      f("encData", bytes32("ciphertext"), "the encrypted entity"),
    ],
    [OUT_DATA],
  ),
  ChangeAuthOwner: command("Changes the password of owner or storage root key.", [
    f("protocolID", TPM_PROTOCOL_ID, "the protocol"),
    f("newAuth", TPM_ENCAUTH, "the new password, encrypted"),
    f("entityType", TPM_ENTITY_TYPE, "whose"),
  ]),
  OIAP: command("Opens an authorization session for anything.", [], SESSION),
  OSAP: command(
    "Opens an authorization session for one thing.",
    [
      f("entityType", TPM_ENTITY_TYPE, "the kind of thing"),
      f("entityValue", TPM_HANDLE12, "the thing"),
      f("nonceOddOSAP", TPM_NONCE, "the caller's nonce"),
    ],
    [...SESSION, f("nonceEvenOSAP", TPM_NONCE, "the TPM's nonce for the shared secret")],
  ),
  DSAP: command(
    "Opens an authorization session by delegation.",
    [
      f("entityType", TPM_ENTITY_TYPE, "the kind of thing"),
      KEY,
      f("nonceOddDSAP", TPM_NONCE, "the caller's nonce"),
      f("entityValue", bytes32("a delegation"), "the delegation"),
    ],
    [...SESSION, f("nonceEvenDSAP", TPM_NONCE, "the TPM's nonce for the shared secret")],
  ),
  Terminate_Handle: command("Closes an authorization session.", [f("handle", TPM_AUTHHANDLE, "the session")]),
  Reset: command("Closes all authorization sessions."),
  ResetLockValue: command("Forgives wrong authorizations."),
  Extend: command(
    "Extends a PCR: its new value is the hash of the old value and the digest.",
    [PCR, f("inDigest", TPM_DIGEST, "the digest")],
    [OUT_DIGEST],
  ),
  PCRRead: command("Reads a PCR.", [f("pcrIndex", TPM_PCRINDEX, "the PCR")], [OUT_DIGEST]),
  PCR_Reset: command("Sets PCRs back, where the locality allows it.", [
    f("pcrSelection", TPM_PCR_SELECTION, "the PCRs"),
  ]),
  Quote: command(
    "Signs the values of PCRs.",
    [KEY, f("externalData", TPM_NONCE, "data to include"), f("targetPCR", TPM_PCR_SELECTION, "the PCRs")],
    [f("pcrData", TPM_PCR_COMPOSITE, "the PCRs' values"), SIGNATURE],
  ),
  Quote2: command(
    "Signs the values of PCRs, the locality and the version.",
    [
      KEY,
      f("externalData", TPM_NONCE, "data to include"),
      f("targetPCR", TPM_PCR_SELECTION, "the PCRs"),
      f("addVersion", BOOL, "whether the version is signed too"),
    ],
    [
      f("pcrData", TPM_PCR_INFO_SHORT, "the PCRs' digest"),
      f("versionInfo", sized32("version", TPM_CAP_VERSION_INFO, "the version"), "the version"),
      SIGNATURE,
    ],
  ),
  Sign: command("Signs data.", [KEY, f("areaToSign", bytes32("data"), "the data")], [SIGNATURE]),
  GetRandom: command(
    "Gives random bytes.",
    [f("bytesRequested", UINT32, "how many; the TPM may give fewer")],
    [f("randomBytes", bytes32("random bytes"), "the random bytes")],
  ),
  StirRandom: command("Adds entropy to the random number generator.", [IN_DATA]),
  CreateEndorsementKeyPair: command(
    "Makes the endorsement key.",
    [ANTI_REPLAY, f("keyInfo", TPM_KEY_PARMS, "the key wanted")],
    PUBEK,
  ),
  CreateRevocableEK: command(
    "Makes an endorsement key that can be revoked.",
    [
      ANTI_REPLAY,
      f("keyInfo", TPM_KEY_PARMS, "the key wanted"),
      f("generateReset", BOOL, "whether the TPM makes the revoking value"),
      f("inputEKreset", TPM_NONCE, "the revoking value, if the TPM does not"),
    ],
    [...PUBEK, f("outputEKreset", TPM_NONCE, "the revoking value")],
  ),
  RevokeTrust: command("Revokes the endorsement key.", [f("EKReset", TPM_NONCE, "the revoking value")]),
  ReadPubek: command("Reads the public endorsement key, before there is an owner.", [ANTI_REPLAY], PUBEK),
  OwnerReadPubek: command("Reads the public endorsement key for the owner.", [], [PUBEK[0]!]),
  DisablePubekRead: command("Forbids TPM_ReadPubek."),
  OwnerReadInternalPub: command(
    "Reads the public part of the endorsement or storage root key.",
    [KEY],
    [f("publicPortion", TPM_PUBKEY, "the public key")],
  ),
  MakeIdentity: command(
    "Makes an identity key.",
    [
      f("identityAuth", TPM_ENCAUTH, "encrypted password of the key"),
      f("labelPrivCADigest", TPM_DIGEST, "digest of label and certifier"),
      f("idKeyParams", TPM_KEY, "the key wanted"),
    ],
    [
      f("idKey", TPM_KEY, "the identity key"),
      f("identityBinding", bytes32("a signature"), "binds label and key"),
    ],
  ),
  ActivateIdentity: command(
    "Opens the certifier's answer for an identity key.",
    [f("idKeyHandle", TPM_KEY_HANDLE, "the identity key"), f("blob", bytes32("ciphertext"), "the answer")],
    [f("symmetricKey", TPM_SYMMETRIC_KEY, "the key of the certificate")],
  ),
  SHA1Start: command(
    "Begins a hash over many pieces.",
    [],
    [f("maxNumBytes", UINT32, "bytes a piece at most")],
  ),
  SHA1Update: command("Adds a piece to a hash.", [HASH_DATA]),
  SHA1Complete: command(
    "Adds the last piece and gives the hash.",
    [HASH_DATA],
    [f("hashValue", TPM_DIGEST, "the hash")],
  ),
  SHA1CompleteExtend: command(
    "Adds the last piece and extends a PCR with the hash.",
    [PCR, HASH_DATA],
    [f("hashValue", TPM_DIGEST, "the hash"), OUT_DIGEST],
  ),
  NV_DefineSpace: command("Makes an NV area, or removes it.", [
    f("pubInfo", TPM_NV_DATA_PUBLIC, "the area"),
    f("encAuth", TPM_ENCAUTH, "encrypted password of the area"),
  ]),
  NV_WriteValue: NV_WRITE,
  NV_WriteValueAuth: NV_WRITE,
  NV_ReadValue: NV_READ,
  NV_ReadValueAuth: NV_READ,
  DirWriteAuth: command("Writes a data integrity register.", [
    f("dirIndex", UINT32, "the register"),
    f("newContents", TPM_DIGEST, "the new value"),
  ]),
  DirRead: command(
    "Reads a data integrity register.",
    [f("dirIndex", UINT32, "the register")],
    [f("dirContents", TPM_DIGEST, "its value")],
  ),
  CreateCounter: command(
    "Makes a counter.",
    [
      f("encAuth", TPM_ENCAUTH, "encrypted password of the counter"),
      f("label", fixedBytes("BYTE[4]", 4, "a label", "ascii"), "its label"),
    ],
    [COUNTER_ID, COUNTER],
  ),
  IncrementCounter: command("Adds one to a counter.", [COUNTER_ID], [COUNTER]),
  ReadCounter: command("Reads a counter.", [COUNTER_ID], [COUNTER]),
  ReleaseCounter: command("Removes a counter.", [COUNTER_ID]),
  ReleaseCounterOwner: command("The owner removes a counter.", [COUNTER_ID]),
  GetTicks: command("Tells the TPM's time.", [], [f("currentTime", TPM_CURRENT_TICKS, "the TPM's time")]),
  TickStampBlob: command(
    "Signs a digest with the TPM's time.",
    [KEY, ANTI_REPLAY, f("digestToStamp", TPM_DIGEST, "the digest")],
    [f("currentTicks", TPM_CURRENT_TICKS, "the TPM's time"), SIGNATURE],
  ),
};
