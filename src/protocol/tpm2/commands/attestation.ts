/** Attestation: statements that the TPM signs (Part 3, 18). */
import { type FieldSpec, f } from "../schema.ts";
import { TPMT_SIG_SCHEME, TPMT_SIGNATURE } from "../types/algorithm-parameters.ts";
import { TPM2B_ATTEST } from "../types/attestation.ts";
import {
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_MAX_BUFFER,
  TPML_PCR_SELECTION,
  TPMT_TK_CREATION,
} from "../types/basic.ts";
import {
  TPMI_DH_OBJECT,
  TPMI_RH_ENDORSEMENT,
  TPMI_RH_NV_AUTH,
  TPMI_RH_NV_INDEX,
  TPMI_SH_HMAC,
} from "../types/handles.ts";
import { UINT16 } from "../types/integers.ts";
import { command, h } from "./spec.ts";

const SIGN_HANDLE = h("signHandle", TPMI_DH_OBJECT, "the signing key, or none", "USER");
const QUALIFYING = f("qualifyingData", TPM2B_DATA, "data to include, e.g. a nonce against replay");
const IN_SCHEME = f("inScheme", TPMT_SIG_SCHEME, "how to sign, if the key leaves it open");
const signed = (name: string): FieldSpec[] => [
  f(name, TPM2B_ATTEST, "the statement"),
  f("signature", TPMT_SIGNATURE, "the signature over it"),
];

export const ATTESTATION_COMMANDS = {
  Certify: command("Part 3, 18.2", "Signs that an object is loaded on this TPM.", {
    handles: [h("objectHandle", TPMI_DH_OBJECT, "the object", "ADMIN"), SIGN_HANDLE],
    parameters: [QUALIFYING, IN_SCHEME],
    response: signed("certifyInfo"),
  }),
  CertifyCreation: command("Part 3, 18.3", "Signs that this TPM made an object, and how.", {
    handles: [SIGN_HANDLE, h("objectHandle", TPMI_DH_OBJECT, "the object")],
    parameters: [
      QUALIFYING,
      f("creationHash", TPM2B_DIGEST, "digest of the creation data"),
      IN_SCHEME,
      f("creationTicket", TPMT_TK_CREATION, "proof of the creation"),
    ],
    response: signed("certifyInfo"),
  }),
  Quote: command("Part 3, 18.4", "Signs the values of PCRs.", {
    handles: [SIGN_HANDLE],
    parameters: [QUALIFYING, IN_SCHEME, f("PCRselect", TPML_PCR_SELECTION, "the PCRs")],
    response: signed("quoted"),
  }),
  GetSessionAuditDigest: command("Part 3, 18.5", "Signs what commands a session has audited.", {
    handles: [
      h("privacyAdminHandle", TPMI_RH_ENDORSEMENT, "the endorsement hierarchy", "USER"),
      SIGN_HANDLE,
      h("sessionHandle", TPMI_SH_HMAC, "the audit session"),
    ],
    parameters: [QUALIFYING, IN_SCHEME],
    response: signed("auditInfo"),
  }),
  GetCommandAuditDigest: command("Part 3, 18.6", "Signs what audited commands have run.", {
    handles: [h("privacyHandle", TPMI_RH_ENDORSEMENT, "the endorsement hierarchy", "USER"), SIGN_HANDLE],
    parameters: [QUALIFYING, IN_SCHEME],
    response: signed("auditInfo"),
  }),
  GetTime: command("Part 3, 18.7", "Signs the TPM's time and clock.", {
    handles: [h("privacyAdminHandle", TPMI_RH_ENDORSEMENT, "the endorsement hierarchy", "USER"), SIGN_HANDLE],
    parameters: [QUALIFYING, IN_SCHEME],
    response: signed("timeInfo"),
  }),
  CertifyX509: command("Part 3, 18.8", "Signs an X.509 certificate for an object.", {
    handles: [h("objectHandle", TPMI_DH_OBJECT, "the object", "ADMIN"), SIGN_HANDLE],
    parameters: [
      f("reserved", TPM2B_DATA, "empty"),
      IN_SCHEME,
      f("partialCertificate", TPM2B_MAX_BUFFER, "the certificate without what the TPM adds (DER)"),
    ],
    response: [
      f("addedToCertificate", TPM2B_MAX_BUFFER, "what the TPM added (DER)"),
      f("tbsDigest", TPM2B_DIGEST, "the digest that was signed"),
      f("signature", TPMT_SIGNATURE, "the signature"),
    ],
  }),
  NV_Certify: command("Part 3, 31.16", "Signs what an NV index holds.", {
    handles: [
      SIGN_HANDLE,
      h("authHandle", TPMI_RH_NV_AUTH, "who may read the index", "USER"),
      h("nvIndex", TPMI_RH_NV_INDEX, "the NV index"),
    ],
    parameters: [
      QUALIFYING,
      IN_SCHEME,
      f("size", UINT16, "bytes to certify; 0 for a digest of all"),
      f("offset", UINT16, "first byte"),
    ],
    response: signed("certifyInfo"),
  }),
} as const;
