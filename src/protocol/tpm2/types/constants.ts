/** Numbers with names (Part 2, section 6), other than algorithms, commands and response codes. */

import { hexNumber } from "../../bytes/hex.ts";
import { TPM_CC as COMMAND_CODES } from "../command-codes.ts";
import { responseCodeName2, responseCodeText } from "../response-code.ts";
import { alias, constants, uint } from "../schema.ts";

export const TPM_GENERATED = constants(
  "TPM_GENERATED",
  4,
  "Part 2, 6.2",
  "mark of a structure made by a TPM",
  "",
  {
    TPM_GENERATED_VALUE: [0xff544347, "only a TPM signs structures that begin so ('TCG' after 0xFF)"],
  },
);

export const TPM_ECC_CURVE = constants("TPM_ECC_CURVE", 2, "Part 2, 6.4", "an elliptic curve", "TPM_ECC_", {
  NONE: [0x0000, "no curve"],
  NIST_P192: [0x0001, "NIST P-192"],
  NIST_P224: [0x0002, "NIST P-224"],
  NIST_P256: [0x0003, "NIST P-256"],
  NIST_P384: [0x0004, "NIST P-384"],
  NIST_P521: [0x0005, "NIST P-521"],
  BN_P256: [0x0010, "Barreto-Naehrig curve of 256 bits, for anonymous signatures"],
  BN_P638: [0x0011, "Barreto-Naehrig curve of 638 bits, for anonymous signatures"],
  SM2_P256: [0x0020, "the curve of SM2"],
  BP_P256_R1: [0x0030, "Brainpool P256r1"],
  BP_P384_R1: [0x0031, "Brainpool P384r1"],
  BP_P512_R1: [0x0032, "Brainpool P512r1"],
  CURVE_25519: [0x0040, "Curve25519"],
  CURVE_448: [0x0041, "Curve448"],
});
export const TPMI_ECC_CURVE = alias(TPM_ECC_CURVE, "TPMI_ECC_CURVE", "an elliptic curve that the TPM has");

export const TPM_CC = constants(
  "TPM_CC",
  4,
  "Part 2, 6.5",
  "a command",
  "TPM_CC_",
  Object.fromEntries(
    Object.entries(COMMAND_CODES).map(([name, code]) => [name, [code, `TPM2_${name}`] as const]),
  ),
);

export const TPM_RC = uint("TPM_RC", 4, "how the command ended", (code) =>
  code === 0 ? "TPM_RC_SUCCESS" : `${responseCodeName2(code)}: ${responseCodeText(code)}`,
);

export const TPM_CLOCK_ADJUST = constants(
  "TPM_CLOCK_ADJUST",
  1,
  "Part 2, 6.7",
  "how the clock's rate is to change",
  "TPM_CLOCK_",
  {
    COARSE_SLOWER: [0xfd, "one coarse step slower"],
    MEDIUM_SLOWER: [0xfe, "one medium step slower"],
    FINE_SLOWER: [0xff, "one fine step slower"],
    NO_CHANGE: [0x00, "as it is"],
    FINE_FASTER: [0x01, "one fine step faster"],
    MEDIUM_FASTER: [0x02, "one medium step faster"],
    COARSE_FASTER: [0x03, "one coarse step faster"],
  },
);

export const TPM_EO = constants(
  "TPM_EO",
  2,
  "Part 2, 6.8",
  "a comparison of A (the TPM's value) with B",
  "TPM_EO_",
  {
    EQ: [0x0000, "A = B"],
    NEQ: [0x0001, "A ≠ B"],
    SIGNED_GT: [0x0002, "A > B, signed"],
    UNSIGNED_GT: [0x0003, "A > B, unsigned"],
    SIGNED_LT: [0x0004, "A < B, signed"],
    UNSIGNED_LT: [0x0005, "A < B, unsigned"],
    SIGNED_GE: [0x0006, "A ≥ B, signed"],
    UNSIGNED_GE: [0x0007, "A ≥ B, unsigned"],
    SIGNED_LE: [0x0008, "A ≤ B, signed"],
    UNSIGNED_LE: [0x0009, "A ≤ B, unsigned"],
    BITSET: [0x000a, "every bit of B is set in A"],
    BITCLEAR: [0x000b, "every bit of B is clear in A"],
  },
);

export const TPM_ST = constants("TPM_ST", 2, "Part 2, 6.9", "what kind of structure follows", "TPM_ST_", {
  RSP_COMMAND: [0x00c4, "an error response in TPM 1.2 form: the tag of the command was not known"],
  NULL: [0x8000, "no structure"],
  NO_SESSIONS: [0x8001, "a command or response without sessions"],
  SESSIONS: [0x8002, "a command or response with an authorization area"],
  ATTEST_NV: [0x8014, "attestation of an NV index"],
  ATTEST_COMMAND_AUDIT: [0x8015, "attestation of the command audit"],
  ATTEST_SESSION_AUDIT: [0x8016, "attestation of a session's audit"],
  ATTEST_CERTIFY: [0x8017, "attestation of an object"],
  ATTEST_QUOTE: [0x8018, "attestation of PCRs"],
  ATTEST_TIME: [0x8019, "attestation of the TPM's time"],
  ATTEST_CREATION: [0x801a, "attestation of how an object was created"],
  ATTEST_NV_DIGEST: [0x801c, "attestation of the digest of an NV index"],
  CREATION: [0x8021, "a creation ticket"],
  VERIFIED: [0x8022, "a ticket for a verified signature"],
  AUTH_SECRET: [0x8023, "a ticket of TPM2_PolicySecret"],
  HASHCHECK: [0x8024, "a ticket for a hash that the TPM made"],
  AUTH_SIGNED: [0x8025, "a ticket of TPM2_PolicySigned"],
  MESSAGE_VERIFIED: [0x8026, "a ticket for a verified signature over a message"],
  DIGEST_VERIFIED: [0x8027, "a ticket for a verified signature over a digest"],
  FU_MANIFEST: [0x8029, "a field upgrade's manifest"],
});
export const TPMI_ST_COMMAND_TAG = alias(
  TPM_ST,
  "TPMI_ST_COMMAND_TAG",
  "whether sessions follow",
  "Part 2, 9.35",
);
export const TPMI_ST_ATTEST = alias(TPM_ST, "TPMI_ST_ATTEST", "what is attested", "Part 2, 10.12");

export const TPM_SU = constants("TPM_SU", 2, "Part 2, 6.10", "how to start or shut down", "TPM_SU_", {
  CLEAR: [0x0000, "fresh: PCRs start over, nothing is kept"],
  STATE: [0x0001, "keep, or go back to, the state of the last TPM2_Shutdown(STATE)"],
});

export const TPM_SE = constants("TPM_SE", 1, "Part 2, 6.11", "the kind of a session", "TPM_SE_", {
  HMAC: [0x00, "authorizes with the HMAC of a secret"],
  POLICY: [0x01, "authorizes by fulfilling a policy"],
  TRIAL: [0x03, "computes a policy digest, authorizes nothing"],
});

export const TPM_CAP = constants(
  "TPM_CAP",
  4,
  "Part 2, 6.12",
  "a family of things to ask the TPM about",
  "TPM_CAP_",
  {
    ALGS: [0x0, "algorithms"],
    HANDLES: [0x1, "handles in use"],
    COMMANDS: [0x2, "commands"],
    PP_COMMANDS: [0x3, "commands that need physical presence"],
    AUDIT_COMMANDS: [0x4, "commands that are audited"],
    PCRS: [0x5, "PCR banks"],
    TPM_PROPERTIES: [0x6, "properties"],
    PCR_PROPERTIES: [0x7, "properties of PCRs"],
    ECC_CURVES: [0x8, "elliptic curves"],
    AUTH_POLICIES: [0x9, "policies of the permanent handles"],
    ACT: [0xa, "authenticated countdown timers"],
    PUB_KEYS: [0xb, "public keys of the TPM itself"],
    SPDM_SESSION_INFO: [0xc, "sessions of the secure channel"],
    VENDOR_PROPERTY: [0x100, "the vendor's own"],
  },
);

export const TPM_PT_PCR = constants("TPM_PT_PCR", 4, "Part 2, 6.14", "a property of PCRs", "TPM_PT_PCR_", {
  SAVE: [0x00, "kept over TPM2_Shutdown(STATE)"],
  EXTEND_L0: [0x01, "locality 0 may extend"],
  RESET_L0: [0x02, "locality 0 may reset"],
  EXTEND_L1: [0x03, "locality 1 may extend"],
  RESET_L1: [0x04, "locality 1 may reset"],
  EXTEND_L2: [0x05, "locality 2 may extend"],
  RESET_L2: [0x06, "locality 2 may reset"],
  EXTEND_L3: [0x07, "locality 3 may extend"],
  RESET_L3: [0x08, "locality 3 may reset"],
  EXTEND_L4: [0x09, "locality 4 may extend"],
  RESET_L4: [0x0a, "locality 4 may reset"],
  NO_INCREMENT: [0x11, "a change does not move the update counter"],
  DRTM_RESET: [0x12, "reset by a dynamic launch"],
  POLICY: [0x13, "changed by policy"],
  AUTH: [0x14, "changed by authorization value"],
});

export const TPM_PS = constants("TPM_PS", 4, "Part 2, 6.15", "the platform a TPM is made for", "TPM_PS_", {
  MAIN: [0, "no platform in particular"],
  PC: [1, "PC client"],
  PDA: [2, "mobile device"],
  CELL_PHONE: [3, "telephone"],
  SERVER: [4, "server"],
  PERIPHERAL: [5, "peripheral"],
  TSS: [6, "software stack"],
  STORAGE: [7, "storage"],
  AUTHENTICATION: [8, "authentication"],
  EMBEDDED: [9, "embedded"],
  HARDCOPY: [10, "printer"],
  INFRASTRUCTURE: [11, "infrastructure"],
  VIRTUALIZATION: [12, "virtualization"],
  TNC: [13, "network connect"],
  MULTI_TENANT: [14, "several tenants"],
  TC: [15, "technical committee"],
});

export const TPM_HT = constants("TPM_HT", 1, "Part 2, 7.2", "the kind of a handle", "TPM_HT_", {
  PCR: [0x00, "a PCR"],
  NV_INDEX: [0x01, "an NV index"],
  HMAC_SESSION: [0x02, "an HMAC session"],
  POLICY_SESSION: [0x03, "a policy session"],
  EXTERNAL_NV: [0x11, "an NV index kept outside"],
  PERMANENT_NV: [0x12, "an NV index of the maker"],
  PERMANENT: [0x40, "a permanent handle"],
  TRANSIENT: [0x80, "a loaded object"],
  PERSISTENT: [0x81, "a persistent object"],
  AC: [0x90, "an attached component"],
});

export const TPM_AT = constants(
  "TPM_AT",
  4,
  "Part 2, 16.2",
  "a property of an attached component",
  "TPM_AT_",
  {
    ANY: [0x0, "any"],
    ERROR: [0x1, "an error follows"],
    PV1: [0x2, "the component's first property"],
    VEND: [0x80000000, "the vendor's own"],
  },
);

/** Response codes as they come inside structures. */
export const TPM_RC_WORD = uint("TPM_RC", 4, "a response code", (code) =>
  code === 0 ? "TPM_RC_SUCCESS" : code < 0x1000 ? responseCodeName2(code) : hexNumber(code),
);
