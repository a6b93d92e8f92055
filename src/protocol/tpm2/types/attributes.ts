/** Words whose bits have names: TPMA_* (Part 2, section 8 and 13.4). */

import { hexNumber } from "../../bytes/hex.ts";
import { commandOf } from "../command-codes.ts";
import { attributes, bit, bitRun } from "../schema.ts";

export const TPMA_ALGORITHM = attributes("TPMA_ALGORITHM", 4, "Part 2, 8.2", "what an algorithm is for", [
  bit(0, "asymmetric", "has public and private keys"),
  bit(1, "symmetric", "is a block cipher"),
  bit(2, "hash", "is a hash"),
  bit(3, "object", "can be the type of an object"),
  bit(8, "signing", "signs"),
  bit(9, "encrypting", "encrypts"),
  bit(10, "method", "is a method, such as a key derivation"),
]);

export const TPMA_OBJECT = attributes("TPMA_OBJECT", 4, "Part 2, 8.3", "what an object may be used for", [
  bit(1, "fixedTPM", "can never leave this TPM"),
  bit(2, "stClear", "saved contexts die with the next TPM2_Startup(CLEAR)"),
  bit(4, "fixedParent", "can never move to another parent"),
  bit(5, "sensitiveDataOrigin", "the TPM itself made the secret part"),
  bit(6, "userWithAuth", "may be used with its password or HMAC, not by policy only"),
  bit(7, "adminWithPolicy", "may be administered by policy only"),
  bit(8, "firmwareLimited", "bound to the firmware that runs"),
  bit(9, "svnLimited", "bound to a security version of the firmware"),
  bit(10, "noDA", "wrong guesses do not count towards lockout"),
  bit(11, "encryptedDuplication", "a copy must be encrypted and needs a new parent"),
  bit(16, "restricted", "works only on data that the TPM made or checks itself"),
  bit(17, "decrypt", "may decrypt"),
  bit(18, "sign", "may sign (or encrypt, for a symmetric key)"),
  bit(19, "x509sign", "may sign with TPM2_CertifyX509 only"),
]);

export const TPMA_SESSION = attributes("TPMA_SESSION", 1, "Part 2, 8.4", "how a session is used here", [
  bit(0, "continueSession", "the session lives on after this command"),
  bit(1, "auditExclusive", "no other command may have run since the last audited one"),
  bit(2, "auditReset", "the audit digest starts over"),
  bit(5, "decrypt", "the first parameter of the command is encrypted"),
  bit(6, "encrypt", "the first parameter of the response is encrypted"),
  bit(7, "audit", "the session's audit digest takes in this command"),
]);

export const TPMA_LOCALITY = attributes("TPMA_LOCALITY", 1, "Part 2, 8.5", "localities", [
  bit(0, "TPM_LOC_ZERO", "locality 0"),
  bit(1, "TPM_LOC_ONE", "locality 1"),
  bit(2, "TPM_LOC_TWO", "locality 2"),
  bit(3, "TPM_LOC_THREE", "locality 3"),
  bit(4, "TPM_LOC_FOUR", "locality 4"),
  bitRun(5, 7, "Extended", "if not zero, the whole byte is one locality from 32 on"),
]);

export const TPMA_PERMANENT = attributes(
  "TPMA_PERMANENT",
  4,
  "Part 2, 8.6",
  "state that survives a restart",
  [
    bit(0, "ownerAuthSet", "the owner has a password"),
    bit(1, "endorsementAuthSet", "the endorsement hierarchy has a password"),
    bit(2, "lockoutAuthSet", "the lockout hierarchy has a password"),
    bit(8, "disableClear", "TPM2_Clear is switched off"),
    bit(9, "inLockout", "too many wrong authorizations"),
    bit(10, "tpmGeneratedEPS", "the TPM made its endorsement seed itself"),
  ],
);

export const TPMA_STARTUP_CLEAR = attributes(
  "TPMA_STARTUP_CLEAR",
  4,
  "Part 2, 8.7",
  "state that a restart sets anew",
  [
    bit(0, "phEnable", "the platform hierarchy is on"),
    bit(1, "shEnable", "the storage (owner) hierarchy is on"),
    bit(2, "ehEnable", "the endorsement hierarchy is on"),
    bit(3, "phEnableNV", "the platform's NV indexes are on"),
    bit(4, "readOnly", "the TPM takes no command that changes it"),
    bit(31, "orderly", "the last shutdown was an orderly one"),
  ],
);

export const TPMA_MEMORY = attributes("TPMA_MEMORY", 4, "Part 2, 8.8", "how the TPM's memory is shared", [
  bit(0, "sharedRAM", "objects and sessions share RAM"),
  bit(1, "sharedNV", "persistent objects and NV indexes share NV"),
  bit(2, "objectCopiedToRam", "persistent objects are copied to RAM for use"),
]);

export const TPMA_CC = attributes(
  "TPMA_CC",
  4,
  "Part 2, 8.9",
  "a command and its properties",
  [
    bitRun(0, 15, "commandIndex", "the command's number"),
    bit(22, "nv", "may write NV"),
    bit(23, "extensive", "may flush any number of objects"),
    bit(24, "flushed", "flushes the object it uses"),
    bitRun(25, 27, "cHandles", "handles in the command"),
    bit(28, "rHandle", "the response has a handle"),
    bit(29, "V", "is the vendor's own"),
  ],
  (word) => {
    const vendor = (word & 0x2000_0000) >>> 0;
    const code = vendor + (word & 0xffff);
    const name = commandOf(code);
    return name ? `TPM2_${name}` : hexNumber(code);
  },
);

export const TPMA_MODES = attributes("TPMA_MODES", 4, "Part 2, 8.10", "modes of operation", [
  bit(0, "FIPS_140_2", "works by FIPS 140-2"),
  bit(1, "FIPS_140_3", "works by FIPS 140-3"),
]);

export const TPMA_ACT = attributes("TPMA_ACT", 4, "Part 2, 8.12", "state of a countdown timer", [
  bit(0, "signaled", "the timer has run out"),
  bit(1, "preserveSignaled", "the signal survives a restart"),
]);

export const TPMA_ML_PARAMETER_SET = attributes(
  "TPMA_ML_PARAMETER_SET",
  4,
  "Part 2, 8.13",
  "parameter sets of ML-KEM and ML-DSA",
  [
    bit(0, "mlKem_512", "ML-KEM-512"),
    bit(1, "mlKem_768", "ML-KEM-768"),
    bit(2, "mlKem_1024", "ML-KEM-1024"),
    bit(3, "mlDsa_44", "ML-DSA-44"),
    bit(4, "mlDsa_65", "ML-DSA-65"),
    bit(5, "mlDsa_87", "ML-DSA-87"),
    bit(6, "extMu", "ML-DSA signs a message representative (mu) from outside"),
  ],
);

const TPM_NT = {
  0: "TPM_NT_ORDINARY",
  1: "TPM_NT_COUNTER",
  2: "TPM_NT_BITS",
  4: "TPM_NT_EXTEND",
  8: "TPM_NT_PIN_FAIL",
  9: "TPM_NT_PIN_PASS",
};

const NV_BITS = [
  bit(0, "PPWRITE", "the platform may write"),
  bit(1, "OWNERWRITE", "the owner may write"),
  bit(2, "AUTHWRITE", "whoever knows the index's password may write"),
  bit(3, "POLICYWRITE", "whoever fulfils the index's policy may write"),
  bitRun(4, 7, "TPM_NT", "the kind of the index", TPM_NT),
  bit(10, "POLICY_DELETE", "only its policy may delete it"),
  bit(11, "WRITELOCKED", "writing is locked now"),
  bit(12, "WRITEALL", "must be written as a whole"),
  bit(13, "WRITEDEFINE", "can be locked against writing for good"),
  bit(14, "WRITE_STCLEAR", "can be locked against writing until the next restart"),
  bit(15, "GLOBALLOCK", "TPM2_NV_GlobalWriteLock locks it"),
  bit(16, "PPREAD", "the platform may read"),
  bit(17, "OWNERREAD", "the owner may read"),
  bit(18, "AUTHREAD", "whoever knows the index's password may read"),
  bit(19, "POLICYREAD", "whoever fulfils the index's policy may read"),
  bit(25, "NO_DA", "wrong guesses do not count towards lockout"),
  bit(26, "ORDERLY", "kept in RAM, written at shutdown"),
  bit(27, "CLEAR_STCLEAR", "forgotten at the next restart"),
  bit(28, "READLOCKED", "reading is locked now"),
  bit(29, "WRITTEN", "has been written"),
  bit(30, "PLATFORMCREATE", "belongs to the platform"),
  bit(31, "READ_STCLEAR", "can be locked against reading until the next restart"),
];

export const TPMA_NV = attributes(
  "TPMA_NV",
  4,
  "Part 2, 13.4",
  "what an NV index is and who may use it",
  NV_BITS,
);

export const TPMA_NV_EXP = attributes(
  "TPMA_NV_EXP",
  8,
  "Part 2, 13.5",
  "attributes of an external NV index",
  [
    ...NV_BITS,
    bit(32, "EXTERNAL_NV_ENCRYPTION", "kept encrypted outside"),
    bit(33, "EXTERNAL_NV_INTEGRITY", "kept outside with an integrity check"),
    bit(34, "EXTERNAL_NV_ANTIROLLBACK", "kept outside, safe against rollback"),
  ],
);
