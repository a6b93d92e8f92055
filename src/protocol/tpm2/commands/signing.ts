/**
 * Signatures with a context over a whole message or a digest, and key encapsulation: what version 1.85 has for
 * post-quantum keys (Part 3, 14.10, 14.11, 17.5, 17.6, 20; numbers of that version's sections).
 */
import { f } from "../schema.ts";
import { TPMT_SIGNATURE } from "../types/algorithm-parameters.ts";
import {
  TPM2B_AUTH,
  TPM2B_DIGEST,
  TPM2B_MAX_BUFFER,
  TPMT_TK_HASHCHECK,
  TPMT_TK_VERIFIED,
} from "../types/basic.ts";
import { TPMI_DH_OBJECT } from "../types/handles.ts";
import {
  TPM2B_KEM_CIPHERTEXT,
  TPM2B_SHARED_SECRET,
  TPM2B_SIGNATURE_CTX,
  TPM2B_SIGNATURE_HINT,
} from "../types/post-quantum.ts";
import { command, h } from "./spec.ts";

const SIGNER = h("keyHandle", TPMI_DH_OBJECT, "the key", "USER");
/** Its authorization is asked for when the sequence ends. */
const LATER_SIGNER = h("keyHandle", TPMI_DH_OBJECT, "the key");
const PUBLIC_KEY = h("keyHandle", TPMI_DH_OBJECT, "the public key");
const SEQUENCE = h("sequenceHandle", TPMI_DH_OBJECT, "the sequence", "USER");
const NEW_SEQUENCE = [h("sequenceHandle", TPMI_DH_OBJECT, "the sequence")];
const AUTH = f("auth", TPM2B_AUTH, "password of the sequence");
const CONTEXT = f("context", TPM2B_SIGNATURE_CTX, "what the signature is for; or empty");
const SIGNATURE = f("signature", TPMT_SIGNATURE, "the signature");
const VALIDATION = f("validation", TPMT_TK_VERIFIED, "proof that it was checked");
const SECRET = f("sharedSecret", TPM2B_SHARED_SECRET, "the shared secret");
const CIPHERTEXT = f("ciphertext", TPM2B_KEM_CIPHERTEXT, "what the private key opens");

export const SIGNING_COMMANDS = {
  Encapsulate: command("Part 3, 14.10", "Makes a secret that only the holder of a key can open.", {
    handles: [PUBLIC_KEY],
    response: [SECRET, CIPHERTEXT],
  }),
  Decapsulate: command("Part 3, 14.11", "Opens a secret that was made for a key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the private key", "USER")],
    parameters: [CIPHERTEXT],
    response: [SECRET],
  }),
  SignSequenceStart: command("Part 3, 17.5", "Begins a signature over many pieces.", {
    handles: [LATER_SIGNER],
    parameters: [AUTH, CONTEXT],
    responseHandles: NEW_SEQUENCE,
  }),
  VerifySequenceStart: command("Part 3, 17.6", "Begins to check a signature over many pieces.", {
    handles: [PUBLIC_KEY],
    parameters: [
      AUTH,
      f("hint", TPM2B_SIGNATURE_HINT, "of an Edwards-curve signature, its first half; else empty"),
      CONTEXT,
    ],
    responseHandles: NEW_SEQUENCE,
  }),
  VerifySequenceComplete: command("Part 3, 20.3", "Checks a signature over what the sequence was given.", {
    handles: [SEQUENCE, PUBLIC_KEY],
    parameters: [SIGNATURE],
    response: [VALIDATION],
  }),
  VerifyDigestSignature: command("Part 3, 20.4", "Checks a signature over a digest.", {
    handles: [PUBLIC_KEY],
    parameters: [CONTEXT, f("digest", TPM2B_DIGEST, "what was signed"), SIGNATURE],
    response: [VALIDATION],
  }),
  SignSequenceComplete: command("Part 3, 20.6", "Adds the last piece and signs the message.", {
    handles: [SEQUENCE, SIGNER],
    parameters: [f("buffer", TPM2B_MAX_BUFFER, "the last piece")],
    response: [SIGNATURE],
  }),
  SignDigest: command("Part 3, 20.7", "Signs a digest, with a context.", {
    handles: [SIGNER],
    parameters: [
      CONTEXT,
      f("digest", TPM2B_DIGEST, "what to sign"),
      f("validation", TPMT_TK_HASHCHECK, "for a restricted key: proof that the TPM made the digest"),
    ],
    response: [SIGNATURE],
  }),
} as const;
