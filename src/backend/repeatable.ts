/**
 * What has to be done to bring a TPM to where it was before a command, or after it, from an older state: nothing, run
 * the command again, or know the state itself. A TPM 2.0 whose volatile state was restored goes on with the same random
 * numbers, so that even new sessions and keys come out the same; what the TPM's clock or fresh entropy goes into does
 * not. libtpms' TPM 1.2 takes its random numbers from the host: there only a few commands can be run again.
 */

import { viewOf } from "../protocol/bytes/view.ts";
import { type CommandName, TPM_CC } from "../protocol/tpm2/command-codes.ts";
import { commandCode } from "../protocol/tpm2/parse.ts";
import { type OrdinalName, TPM_ORD } from "../protocol/tpm2/tpm12/ordinals.ts";
import type { BackendInfo } from "./port.ts";

/**
 * `harmless`: leaves the TPM as it was. `repeatable`: comes out the same when it is run again in the same state.
 * `unique`: anything else.
 */
export type Repeatability = "harmless" | "repeatable" | "unique";

/** Only without sessions, or with a password: a real session counts its uses. */
const HARMLESS: readonly CommandName[] = [
  "ECC_Parameters",
  "GetCapability",
  "GetTestResult",
  "Hash",
  "NV_Read",
  "NV_ReadPublic",
  "PCR_Read",
  "PolicyGetDigest",
  "ReadClock",
  "ReadPublic",
  "TestParms",
];

/** Their responses hold the time, or they take fresh entropy or the clock into the state. */
const UNIQUE: readonly CommandName[] = [
  "Certify",
  "CertifyCreation",
  "CertifyX509",
  "ChangeEPS",
  "ChangePPS",
  "Clear",
  "ClockRateAdjust",
  "ClockSet",
  "GetCommandAuditDigest",
  "GetSessionAuditDigest",
  "GetTime",
  "NV_Certify",
  "PolicyCounterTimer",
  "PolicySecret",
  "PolicySigned",
  "PolicyTicket",
  "Quote",
  "Shutdown",
  "Startup",
];

const HARMLESS_12: readonly OrdinalName[] = [
  "GetCapability",
  "GetTestResult",
  "GetTicks",
  "PCRRead",
  "ReadPubek",
];
const REPEATABLE_12: readonly OrdinalName[] = [
  "Extend",
  "PCR_Reset",
  "SHA1Complete",
  "SHA1CompleteExtend",
  "SHA1Start",
  "SHA1Update",
];

const codes = (names: readonly CommandName[]) => new Set<number>(names.map((name) => TPM_CC[name]));
const ordinals = (names: readonly OrdinalName[]) => new Set<number>(names.map((name) => TPM_ORD[name]));
const HARMLESS_CODES = codes(HARMLESS);
const UNIQUE_CODES = codes(UNIQUE);
const HARMLESS_ORDINALS = ordinals(HARMLESS_12);
const REPEATABLE_ORDINALS = ordinals(REPEATABLE_12);

const TPM_ST_NO_SESSIONS = 0x8001;
const TPM_TAG_RQU_COMMAND = 0x00c1;
const TPM_RS_PW = 0x4000_0009;
const HEADER = 10;

export function repeatability(version: BackendInfo["version"], command: Uint8Array): Repeatability {
  const code = commandCode(command);
  if (code === undefined) return "unique";
  const view = viewOf(command);
  const tag = view.getUint16(0);
  if (version === "1.2") {
    if (tag !== TPM_TAG_RQU_COMMAND) return "unique";
    return HARMLESS_ORDINALS.has(code) ? "harmless" : REPEATABLE_ORDINALS.has(code) ? "repeatable" : "unique";
  }
  if (UNIQUE_CODES.has(code)) return "unique";
  const harmless = HARMLESS_CODES.has(code) && (tag === TPM_ST_NO_SESSIONS || hasOnlyPassword(code, view));
  return harmless ? "harmless" : "repeatable";
}

/** True for a command of {@link HARMLESS} with a single session, which is a password. */
function hasOnlyPassword(code: number, view: DataView): boolean {
  const handles =
    code === TPM_CC.NV_Read ? 2 : code === TPM_CC.PolicyGetDigest || code === TPM_CC.ReadPublic ? 1 : 0;
  const area = HEADER + 4 * handles;
  if (view.byteLength < area + 13) return false;
  const nonce = view.getUint16(area + 8);
  const hmacAt = area + 4 + 4 + 2 + nonce + 1;
  if (view.byteLength < hmacAt + 2) return false;
  const end = hmacAt + 2 + view.getUint16(hmacAt);
  return view.getUint32(area + 4) === TPM_RS_PW && view.getUint32(area) === end - (area + 4);
}
