/**
 * Which commands of TPM 1.2 can change what the TPM keeps without power: TPM_PERMANENT_FLAGS, TPM_PERMANENT_DATA, NV
 * areas, counters, delegation tables, the owner's evict keys. TPM 1.2 has no attribute that tells.
 * Source: TPM Main Part 3, the actions of each command; Part 2, sections 7.1, 7.4 and 19.
 */
import { type OrdinalName, TPM_ORD } from "./ordinals.ts";

const CHANGES_PERMANENT_STATE: readonly OrdinalName[] = [
  // the owner, and who may become it
  "TakeOwnership",
  "OwnerClear",
  "ForceClear",
  "DisableOwnerClear",
  "SetOwnerInstall",
  "ChangeAuthOwner",
  "SetOperatorAuth",
  "SetOwnerPointer",
  // keys of the TPM's own
  "CreateEndorsementKeyPair",
  "CreateRevocableEK",
  "RevokeTrust",
  "DisablePubekRead",
  "KeyControlOwner",
  "LoadMaintenanceArchive",
  "CreateMaintenanceArchive",
  "KillMaintenanceFeature",
  "LoadManuMaintPub",
  "CMK_SetRestrictions",
  // on and off
  "OwnerSetDisable",
  "PhysicalEnable",
  "PhysicalDisable",
  "PhysicalSetDeactivated",
  "TSC_PhysicalPresence",
  "SetCapability",
  "ResetLockValue",
  "SetRedirection",
  "SetOrdinalAuditStatus",
  "GetAuditDigestSigned",
  "FieldUpgrade",
  // NV areas, counters, delegations
  "DirWriteAuth",
  "NV_DefineSpace",
  "NV_WriteValue",
  "NV_WriteValueAuth",
  "CreateCounter",
  "IncrementCounter",
  "ReleaseCounter",
  "ReleaseCounterOwner",
  "Delegate_UpdateVerification",
  "Delegate_Manage",
  "Delegate_CreateKeyDelegation",
  "Delegate_CreateOwnerDelegation",
  "Delegate_LoadOwnerDelegation",
  // start, end, and whatever is wrapped
  "Init",
  "Startup",
  "SaveState",
  "ExecuteTransport",
  "ReleaseTransportSigned",
];

const ORDINALS: ReadonlySet<number> = new Set(CHANGES_PERMANENT_STATE.map((name) => TPM_ORD[name]));
const KNOWN: ReadonlySet<number> = new Set(Object.values(TPM_ORD));

/** True when a command of this ordinal can change permanent state. Of one that is not in the specification nobody knows. */
export const changesPermanentState = (ordinal: number): boolean =>
  ORDINALS.has(ordinal) || !KNOWN.has(ordinal);
