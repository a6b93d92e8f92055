/** Clock and attestation structures (Part 2, sections 10.11 and 10.12), and sessions in messages (10.13). */
import { f, sized, struct, union } from "../schema.ts";
import { TPMA_SESSION } from "./attributes.ts";
import {
  TPM2B_AUTH,
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_MAX_NV_BUFFER,
  TPM2B_NAME,
  TPM2B_NONCE,
  TPML_PCR_SELECTION,
} from "./basic.ts";
import { TPM_GENERATED, TPMI_ST_ATTEST } from "./constants.ts";
import { TPMI_SH_AUTH_SESSION } from "./handles.ts";
import { TPM_ALG_ID, TPMI_YES_NO, UINT16, UINT32, UINT64 } from "./integers.ts";

const TPMS_CLOCK_INFO = struct("TPMS_CLOCK_INFO", "Part 2, 10.11.1", "the TPM's clock and counters", [
  f("clock", UINT64, "milliseconds the TPM has run in its life"),
  f("resetCount", UINT32, "TPM resets since the last clear"),
  f("restartCount", UINT32, "restarts and resumes since the last reset"),
  f("safe", TPMI_YES_NO, "whether clock was never set back by a power loss"),
]);
export const TPMS_TIME_INFO = struct("TPMS_TIME_INFO", "Part 2, 10.11.6", "time and clock", [
  f("time", UINT64, "milliseconds since the TPM was powered on"),
  f("clockInfo", TPMS_CLOCK_INFO, "clock and counters"),
]);

const TPMS_TIME_ATTEST_INFO = struct("TPMS_TIME_ATTEST_INFO", "Part 2, 10.12.2", "the TPM's time, attested", [
  f("time", TPMS_TIME_INFO, "time and clock"),
  f("firmwareVersion", UINT64, "the TPM's firmware version"),
]);
const TPMS_CERTIFY_INFO = struct("TPMS_CERTIFY_INFO", "Part 2, 10.12.3", "an object, attested", [
  f("name", TPM2B_NAME, "name of the object"),
  f("qualifiedName", TPM2B_NAME, "its name with all ancestors"),
]);
const TPMS_QUOTE_INFO = struct("TPMS_QUOTE_INFO", "Part 2, 10.12.4", "PCRs, attested", [
  f("pcrSelect", TPML_PCR_SELECTION, "which PCRs"),
  f("pcrDigest", TPM2B_DIGEST, "the digest of their values, one after the other"),
]);
const TPMS_COMMAND_AUDIT_INFO = struct(
  "TPMS_COMMAND_AUDIT_INFO",
  "Part 2, 10.12.5",
  "the command audit, attested",
  [
    f("auditCounter", UINT64, "how often the audit has started over"),
    f("digestAlg", TPM_ALG_ID, "the hash"),
    f("auditDigest", TPM2B_DIGEST, "digest of the audited commands"),
    f("commandDigest", TPM2B_DIGEST, "digest of the list of commands that are audited"),
  ],
);
const TPMS_SESSION_AUDIT_INFO = struct(
  "TPMS_SESSION_AUDIT_INFO",
  "Part 2, 10.12.6",
  "a session's audit, attested",
  [
    f("exclusiveSession", TPMI_YES_NO, "whether no other command came in between"),
    f("sessionDigest", TPM2B_DIGEST, "digest of the commands of the session"),
  ],
);
const TPMS_CREATION_INFO = struct(
  "TPMS_CREATION_INFO",
  "Part 2, 10.12.7",
  "how an object was made, attested",
  [
    f("objectName", TPM2B_NAME, "name of the object"),
    f("creationHash", TPM2B_DIGEST, "digest of its creation data"),
  ],
);
const TPMS_NV_CERTIFY_INFO = struct("TPMS_NV_CERTIFY_INFO", "Part 2, 10.12.8", "NV data, attested", [
  f("indexName", TPM2B_NAME, "name of the NV index"),
  f("offset", UINT16, "first byte"),
  f("nvContents", TPM2B_MAX_NV_BUFFER, "the data"),
]);
const TPMS_NV_DIGEST_CERTIFY_INFO = struct(
  "TPMS_NV_DIGEST_CERTIFY_INFO",
  "Part 2, 10.12.9",
  "the digest of NV data, attested",
  [f("indexName", TPM2B_NAME, "name of the NV index"), f("nvDigest", TPM2B_DIGEST, "digest of its data")],
);

const TPMU_ATTEST = union("TPMU_ATTEST", "Part 2, 10.12.11", "what is attested", [
  [0x8017, TPMS_CERTIFY_INFO],
  [0x801a, TPMS_CREATION_INFO],
  [0x8018, TPMS_QUOTE_INFO],
  [0x8015, TPMS_COMMAND_AUDIT_INFO],
  [0x8016, TPMS_SESSION_AUDIT_INFO],
  [0x8019, TPMS_TIME_ATTEST_INFO],
  [0x8014, TPMS_NV_CERTIFY_INFO],
  [0x801c, TPMS_NV_DIGEST_CERTIFY_INFO],
]);
export const TPMS_ATTEST = struct("TPMS_ATTEST", "Part 2, 10.12.12", "a statement that a TPM signs", [
  f("magic", TPM_GENERATED, "mark of a statement made by a TPM"),
  f("type", TPMI_ST_ATTEST, "what is attested"),
  f("qualifiedSigner", TPM2B_NAME, "name of the signing key with all ancestors"),
  f("extraData", TPM2B_DATA, "data from the caller, e.g. a nonce against replay"),
  f("clockInfo", TPMS_CLOCK_INFO, "clock and counters at this moment"),
  f("firmwareVersion", UINT64, "the TPM's firmware version"),
  f("attested", TPMU_ATTEST, "the statement", "type"),
]);
export const TPM2B_ATTEST = sized(
  "TPM2B_ATTEST",
  "attestationData",
  TPMS_ATTEST,
  "Part 2, 10.12.13",
  "a statement that a TPM signs",
);

/** One session of a command (Part 1, 18.4). For a password, `hmac` is the password itself. */
export const TPMS_AUTH_COMMAND = struct("TPMS_AUTH_COMMAND", "Part 2, 10.13.2", "one session of a command", [
  f("sessionHandle", TPMI_SH_AUTH_SESSION, "the session, or a password in its place"),
  f("nonce", TPM2B_NONCE, "the caller's nonce"),
  f("sessionAttributes", TPMA_SESSION, "how the session is used here"),
  f("hmac", TPM2B_AUTH, "the HMAC, or the password"),
]);
export const TPMS_AUTH_RESPONSE = struct(
  "TPMS_AUTH_RESPONSE",
  "Part 2, 10.13.3",
  "one session of a response",
  [
    f("nonce", TPM2B_NONCE, "the TPM's nonce"),
    f("sessionAttributes", TPMA_SESSION, "how the session was used"),
    f("hmac", TPM2B_AUTH, "the TPM's HMAC"),
  ],
);
