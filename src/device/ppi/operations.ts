/**
 * The operations of the Physical Presence Interface: numbers, names and what they do, by the TPM's family, and which of
 * them this machine's firmware carries out (machine/rom/asm/physical-presence.S).
 *
 * Source: TCG PC Client Physical Presence Interface Specification 1.30, section 2, tables of operations for family 1.2 and
 * family 2.0.
 */

/** Of a TPM that works. */
export type PpiFamily = "1.2" | "2.0";

export interface PpiOperation {
  /** The specification's word. */
  readonly name: string;
  /** What it does, for people; begins with a verb in the third person. */
  readonly what: string;
  /** This machine's firmware carries it out. */
  readonly implemented?: true;
}

const NO_OPERATION: PpiOperation = { name: "No Operation", what: "does nothing", implemented: true };

/** The bank that each bit of SetPCRBanks's parameter stands for (EFI TCG2 protocol, EFI_TCG2_BOOT_HASH_ALG). */
export const PCR_BANK_BITS = ["sha1", "sha256", "sha384", "sha512", "sm3_256"] as const;

const TPM12: Readonly<Record<number, PpiOperation>> = {
  0: NO_OPERATION,
  1: { name: "Enable", what: "enables the TPM", implemented: true },
  2: { name: "Disable", what: "disables the TPM", implemented: true },
  3: { name: "Activate", what: "activates the TPM", implemented: true },
  4: { name: "Deactivate", what: "deactivates the TPM", implemented: true },
  5: {
    name: "Clear",
    what: "clears the TPM: its owner and all keys are gone, and it is disabled",
    implemented: true,
  },
  6: { name: "Enable + Activate", what: "enables and activates the TPM", implemented: true },
  7: { name: "Deactivate + Disable", what: "deactivates and disables the TPM", implemented: true },
  8: { name: "SetOwnerInstall_True", what: "lets the TPM take an owner", implemented: true },
  9: { name: "SetOwnerInstall_False", what: "keeps the TPM from taking an owner", implemented: true },
  10: {
    name: "Enable + Activate + SetOwnerInstall_True",
    what: "enables and activates the TPM and lets it take an owner",
    implemented: true,
  },
  11: {
    name: "SetOwnerInstall_False + Deactivate + Disable",
    what: "keeps the TPM from taking an owner, deactivates and disables it",
    implemented: true,
  },
  12: { name: "DeferredPPUnownedFieldUpgrade", what: "allows an upgrade of the TPM's firmware" },
  13: { name: "SetOperatorAuth", what: "sets the operator's password" },
  14: {
    name: "Clear + Enable + Activate",
    what: "clears the TPM, then enables and activates it",
    implemented: true,
  },
  15: { name: "SetNoPPIProvision_False", what: "asks a present user before the TPM is switched on or off" },
  16: { name: "SetNoPPIProvision_True", what: "asks nobody before the TPM is switched on or off" },
  17: { name: "SetNoPPIClear_False", what: "asks a present user before the TPM is cleared" },
  18: { name: "SetNoPPIClear_True", what: "asks nobody before the TPM is cleared" },
  19: { name: "SetNoPPIMaintenance_False", what: "asks a present user before maintenance" },
  20: { name: "SetNoPPIMaintenance_True", what: "asks nobody before maintenance" },
  21: {
    name: "Enable + Activate + Clear",
    what: "enables and activates the TPM, then clears it",
    implemented: true,
  },
  22: {
    name: "Enable + Activate + Clear + Enable + Activate",
    what: "clears the TPM and leaves it enabled and active",
    implemented: true,
  },
};

const CLEAR_20 = "clears the TPM: the owner's keys, its passwords and the storage seed are gone";

const TPM20: Readonly<Record<number, PpiOperation>> = {
  0: NO_OPERATION,
  1: { name: "Enable", what: "switches the storage and endorsement hierarchies on" },
  2: { name: "Disable", what: "switches the storage and endorsement hierarchies off" },
  5: { name: "Clear", what: CLEAR_20, implemented: true },
  14: { name: "Enable + Clear", what: CLEAR_20, implemented: true },
  17: { name: "SetPPRequiredForClear_True", what: "asks a present user before the TPM is cleared" },
  18: { name: "SetPPRequiredForClear_False", what: "asks nobody before the TPM is cleared" },
  21: { name: "Enable + Clear (as 14)", what: CLEAR_20, implemented: true },
  22: { name: "Enable + Clear (as 14)", what: CLEAR_20, implemented: true },
  23: { name: "SetPCRBanks", what: "chooses the PCR banks that are in use", implemented: true },
  24: {
    name: "ChangeEPS",
    what: "gives the TPM a new endorsement seed, and with it another identity",
    implemented: true,
  },
  25: { name: "SetPPRequiredForChangePCRs_False", what: "asks nobody before PCR banks are chosen" },
  26: { name: "SetPPRequiredForChangePCRs_True", what: "asks a present user before PCR banks are chosen" },
  27: { name: "SetPPRequiredForTurnOn_False", what: "asks nobody before hierarchies are switched on" },
  28: { name: "SetPPRequiredForTurnOn_True", what: "asks a present user before hierarchies are switched on" },
  29: { name: "SetPPRequiredForTurnOff_False", what: "asks nobody before hierarchies are switched off" },
  30: {
    name: "SetPPRequiredForTurnOff_True",
    what: "asks a present user before hierarchies are switched off",
  },
  31: { name: "SetPPRequiredForChangeEPS_False", what: "asks nobody before the endorsement seed is changed" },
  32: {
    name: "SetPPRequiredForChangeEPS_True",
    what: "asks a present user before the endorsement seed is changed",
  },
  33: { name: "LogAllDigests", what: "logs the digests of all banks" },
  34: {
    name: "DisableEndorsementEnableStorageHierarchy",
    what: "switches the endorsement hierarchy off and the storage hierarchy on",
  },
};

/** All operations of a family, by number. */
export const PPI_OPERATIONS: Readonly<Record<PpiFamily, Readonly<Record<number, PpiOperation>>>> = {
  "1.2": TPM12,
  "2.0": TPM20,
};

/** The operation's name and number, e.g. `Clear (operation 5)`; of one that the specification does not have, the number. */
export function operationName(family: PpiFamily, operation: number): string {
  const known = PPI_OPERATIONS[family][operation];
  return known ? `${known.name} (operation ${operation})` : `operation ${operation}`;
}
