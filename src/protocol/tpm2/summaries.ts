/** What each TPM 2.0 command is told in one line, where its name does not say enough. */
import type { CommandName } from "./command-codes.ts";
import {
  algorithm,
  answered,
  asHandle,
  curve,
  digests,
  type Exchange,
  given,
  handleWords,
  kind,
  on,
  pcrs,
  plain,
  type Summarizer,
  short,
  size,
} from "./summary-parts.ts";
import { find } from "./tree.ts";

const policy =
  (words: string): Summarizer =>
  () =>
    `policy: ${words}`;
const signing =
  (what: (exchange: Exchange) => string): Summarizer =>
  (e) =>
    `${what(e)}, signed by ${on(e, "signHandle")}`;
const yes = (e: Exchange, name: string): boolean => given(e, name)?.value === 1;

export const SUMMARIES: Readonly<Partial<Record<CommandName, Summarizer>>> = {
  Startup: (e) => `start up (${plain(given(e, "startupType")).toLowerCase()})`,
  Shutdown: (e) => `shut down (${plain(given(e, "shutdownType")).toLowerCase()})`,
  TestParms: (e) => `can the TPM do ${given(e, "parameters")?.text ?? "?"}?`,
  ClockRateAdjust: (e) => `clock rate: ${given(e, "rateAdjust")?.note ?? "?"}`,
  SetCommandCodeAuditStatus: (e) =>
    `audit ${given(e, "setList")?.text ?? "?"}, no more ${given(e, "clearList")?.text ?? "?"}`,
  SelfTest: (e) => (yes(e, "fullTest") ? "self-test of everything" : "self-test of what is untested"),
  IncrementalSelfTest: (e) => `self-test of ${given(e, "toTest")?.text ?? "?"}`,
  GetTestResult: (e) => `result of the self-test: ${answered(e, "testResult")?.text ?? "?"}`,
  StartAuthSession: (e) => {
    const type = plain(given(e, "sessionType"));
    const words = type === "HMAC" ? "HMAC" : `${type.toLowerCase()}${type === "TRIAL" ? " policy" : ""}`;
    return `start ${words} session${asHandle(e)}`;
  },
  PolicyRestart: () => "start the policy over",
  GetRandom: (e) => `${given(e, "bytesRequested")?.text ?? "?"} random bytes`,
  StirRandom: (e) => `add ${size(given(e, "inData"))} of entropy`,
  GetCapability: getCapability,
  ReadClock: (e) => {
    const clock = answered(e, "currentTime", "clockInfo", "clock")?.text;
    return clock ? `read clock: ${clock} ms` : "read clock";
  },
  ClockSet: (e) => `set clock to ${given(e, "newTime")?.text ?? "?"} ms`,
  DictionaryAttackLockReset: () => "reset the lockout",
  DictionaryAttackParameters: (e) =>
    `lock out after ${given(e, "newMaxTries")?.text ?? "?"} wrong authorizations`,

  Create: (e) => `create ${kind(given(e, "inPublic"))} under ${on(e, "parentHandle")}`,
  CreatePrimary: (e) =>
    `create primary ${kind(given(e, "inPublic"))} in ${on(e, "primaryHandle")}${asHandle(e)}`,
  CreateLoaded: (e) =>
    `create and load ${kind(given(e, "inPublic"))} under ${on(e, "parentHandle")}${asHandle(e)}`,
  Load: (e) => `load ${kind(given(e, "inPublic"))} under ${on(e, "parentHandle")}${asHandle(e)}`,
  LoadExternal: (e) => {
    const part = given(e, "inPrivate")?.children?.[1] ? "" : " public part";
    return `load external ${kind(given(e, "inPublic"))}${part}${asHandle(e)}`;
  },
  ReadPublic: (e) => {
    const what = answered(e, "outPublic");
    return `read public part of ${on(e, "objectHandle")}${what ? `: ${kind(what)}` : ""}`;
  },
  Unseal: (e) => `unseal ${on(e, "itemHandle")}`,
  ObjectChangeAuth: (e) => `change password of ${on(e, "objectHandle")}`,
  MakeCredential: (e) => `make credential for ${on(e, "handle")}`,
  ActivateCredential: (e) => `open credential for ${on(e, "activateHandle")}`,
  Duplicate: (e) => `duplicate ${on(e, "objectHandle")} for ${on(e, "newParentHandle")}`,
  Import: (e) => `import ${kind(given(e, "objectPublic"))} under ${on(e, "parentHandle")}`,
  ContextSave: (e) => `save context of ${on(e, "saveHandle")}`,
  ContextLoad: (e) => `load context of ${handleWords(given(e, "context", "savedHandle"))}${asHandle(e)}`,
  FlushContext: (e) => `flush ${handleWords(given(e, "flushHandle"))}`,
  EvictControl: (e) => {
    const persistent = handleWords(given(e, "persistentHandle"));
    const object = on(e, "objectHandle");
    return object === persistent
      ? `remove persistent ${persistent}`
      : `keep ${object} as persistent ${persistent}`;
  },
  HierarchyControl: (e) => `switch ${handleWords(given(e, "enable"))} ${yes(e, "state") ? "on" : "off"}`,
  HierarchyChangeAuth: (e) => `change password of ${on(e, "authHandle")}`,
  Clear: (e) => `clear the TPM by ${on(e, "authHandle")}`,
  ClearControl: (e) => (yes(e, "disable") ? "forbid clearing" : "allow clearing"),
  ReadOnlyControl: (e) => (yes(e, "state") ? "make the TPM read-only" : "make the TPM writable"),

  Hash: (e) =>
    `${algorithm(given(e, "hashAlg"))} of ${size(given(e, "data"))}: ${short(answered(e, "outHash"))}`,
  HMAC: (e) => `HMAC of ${size(given(e, "buffer"))} with ${on(e, "handle")}`,
  HashSequenceStart: (e) => `begin ${algorithm(given(e, "hashAlg"))}${asHandle(e)}`,
  HMAC_Start: (e) => `begin HMAC with ${on(e, "handle")}${asHandle(e)}`,
  SequenceUpdate: (e) => `add ${size(given(e, "buffer"))} to ${on(e, "sequenceHandle")}`,
  SequenceComplete: (e) => `finish ${on(e, "sequenceHandle")}: ${short(answered(e, "result"))}`,
  EventSequenceComplete: (e) => `extend ${on(e, "pcrHandle")}: ${digests(answered(e, "results")) || "?"}`,
  Sign: (e) => `sign ${short(given(e, "digest"))} with ${on(e, "keyHandle")}`,
  VerifySignature: (e) => `check signature of ${short(given(e, "digest"))} by ${on(e, "keyHandle")}`,
  SignDigest: (e) => `sign ${short(given(e, "digest"))} with ${on(e, "keyHandle")}`,
  VerifyDigestSignature: (e) => `check signature of ${short(given(e, "digest"))} by ${on(e, "keyHandle")}`,
  SignSequenceStart: (e) => `begin signature with ${on(e, "keyHandle")}${asHandle(e)}`,
  SignSequenceComplete: (e) =>
    `sign ${on(e, "sequenceHandle")} and ${size(given(e, "buffer"))} with ${on(e, "keyHandle")}`,
  VerifySequenceStart: (e) => `begin check of a signature by ${on(e, "keyHandle")}${asHandle(e)}`,
  VerifySequenceComplete: (e) => `check signature of ${on(e, "sequenceHandle")} by ${on(e, "keyHandle")}`,
  Encapsulate: (e) => `make secret for ${on(e, "keyHandle")}`,
  Decapsulate: (e) => `open secret with ${on(e, "keyHandle")}`,
  RSA_Encrypt: (e) => `encrypt ${size(given(e, "message"))} with ${on(e, "keyHandle")}`,
  RSA_Decrypt: (e) => `decrypt ${size(given(e, "cipherText"))} with ${on(e, "keyHandle")}`,
  EncryptDecrypt: crypt,
  EncryptDecrypt2: crypt,
  ECDH_KeyGen: (e) => `key agreement with ${on(e, "keyHandle")}, new ephemeral key`,
  ECDH_ZGen: (e) => `key agreement by ${on(e, "keyHandle")}`,
  ZGen_2Phase: (e) => `second half of a key exchange with ${on(e, "keyA")}`,
  Commit: (e) => `first half of an anonymous signature with ${on(e, "signHandle")}`,
  ECC_Parameters: (e) => `numbers of curve ${curve(given(e, "curveID"))}`,
  EC_Ephemeral: (e) => `ephemeral key on ${curve(given(e, "curveID"))}`,

  Quote: signing((e) => `quote ${pcrs(given(e, "PCRselect"))}`),
  Certify: signing((e) => `certify ${on(e, "objectHandle")}`),
  CertifyCreation: signing((e) => `certify creation of ${on(e, "objectHandle")}`),
  CertifyX509: signing((e) => `X.509 certificate for ${on(e, "objectHandle")}`),
  GetTime: signing(() => "time"),
  GetSessionAuditDigest: signing((e) => `audit of ${on(e, "sessionHandle")}`),
  GetCommandAuditDigest: signing(() => "audit of commands"),
  NV_Certify: signing((e) => `certify ${on(e, "nvIndex")}`),

  PCR_Extend: (e) => `extend ${on(e, "pcrHandle")}: ${digests(given(e, "digests")) || "nothing"}`,
  PCR_Event: (e) => `extend ${on(e, "pcrHandle")} with an event of ${size(given(e, "eventData"))}`,
  PCR_Read: (e) => `read ${pcrs(answered(e, "pcrSelectionOut") ?? given(e, "pcrSelectionIn"))}`,
  PCR_Reset: (e) => `reset ${on(e, "pcrHandle")}`,
  PCR_Allocate: (e) => `allocate ${pcrs(given(e, "pcrAllocation"))}`,

  PolicySigned: (e) => `policy: signed by ${on(e, "authObject")}`,
  PolicySecret: (e) => `policy: password of ${on(e, "authHandle")}`,
  PolicyTicket: policy("an earlier authorization still holds"),
  PolicyOR: (e) => `policy: one of ${given(e, "pHashList", "count")?.text ?? "?"} policies`,
  PolicyPCR: (e) => `policy: ${pcrs(given(e, "pcrs"))} have given values`,
  PolicyLocality: (e) => `policy: locality (${given(e, "locality")?.text ?? "?"})`,
  PolicyNV: (e) => `policy: ${on(e, "nvIndex")} ${comparison(e)}`,
  PolicyCounterTimer: (e) => `policy: time ${comparison(e)}`,
  PolicyCommandCode: (e) => `policy: only ${(given(e, "code")?.text ?? "?").replace(/^TPM_CC_/, "TPM2_")}`,
  PolicyPhysicalPresence: policy("physical presence"),
  PolicyAuthValue: policy("the object's password, by HMAC"),
  PolicyPassword: policy("the object's password"),
  PolicyCpHash: policy("one command with given parameters"),
  PolicyNameHash: policy("a command on given things"),
  PolicyDuplicationSelect: policy("duplication to one new parent"),
  PolicyAuthorize: policy("what the holder of a key has approved"),
  PolicyTemplate: policy("creation from one template"),
  PolicyTransportSPDM: policy("a secure channel with given keys"),
  PolicyGetDigest: (e) => `read policy digest: ${short(answered(e, "policyDigest"))}`,
  PolicyNvWritten: (e) => `policy: NV index ${yes(e, "writtenSet") ? "has" : "has not"} been written`,
  PolicyAuthorizeNV: (e) => `policy: as ${on(e, "nvIndex")} holds`,

  NV_DefineSpace: (e) => {
    const area = given(e, "publicInfo", "nvPublic");
    const bytes = find(area?.children, "dataSize")?.text ?? "?";
    return `define ${handleWords(find(area?.children, "nvIndex"))}, ${bytes} bytes`;
  },
  NV_UndefineSpace: (e) => `remove ${on(e, "nvIndex")}`,
  NV_UndefineSpaceSpecial: (e) => `remove ${on(e, "nvIndex")} by policy`,
  NV_ReadPublic: (e) => `read attributes of ${on(e, "nvIndex")}`,
  NV_Read: (e) => `read ${given(e, "size")?.text ?? "?"} bytes of ${on(e, "nvIndex")}`,
  NV_Write: (e) => `write ${size(given(e, "data"))} to ${on(e, "nvIndex")}`,
  NV_Increment: (e) => `count up ${on(e, "nvIndex")}`,
  NV_Extend: (e) => `extend ${on(e, "nvIndex")} with ${size(given(e, "data"))}`,
  NV_SetBits: (e) => `set bits ${given(e, "bits")?.text ?? "?"} of ${on(e, "nvIndex")}`,
  NV_WriteLock: (e) => `lock ${on(e, "nvIndex")} against writing`,
  NV_ReadLock: (e) => `lock ${on(e, "nvIndex")} against reading`,
  NV_ChangeAuth: (e) => `change password of ${on(e, "nvIndex")}`,

  NTC2_GetConfig: () => "read set-up of the Nuvoton chip",
};

/** "properties from TPM_PT_MANUFACTURER", "PCR banks". */
function getCapability(e: Exchange): string {
  const capability = given(e, "capability")?.note ?? given(e, "capability")?.text ?? "?";
  const property = given(e, "property");
  const from = property && Number(property.value) !== 0 ? ` from ${property.text}` : "";
  return `ask for ${capability}${from}`;
}

function crypt(e: Exchange): string {
  return `${yes(e, "decrypt") ? "decrypt" : "encrypt"} ${size(given(e, "inData"))} with ${on(e, "keyHandle")}`;
}

function comparison(e: Exchange): string {
  return `${(given(e, "operation")?.note ?? "?").replace("A ", "").replace("B", short(given(e, "operandB")))}`;
}
