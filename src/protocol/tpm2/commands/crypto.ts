/** Cryptography: asymmetric, symmetric, hashing, signing, ephemeral keys (Part 3, 14, 15, 17, 19, 20). */
import { f } from "../schema.ts";
import {
  TPM2B_ECC_PARAMETER,
  TPM2B_ECC_POINT,
  TPM2B_PUBLIC_KEY_RSA,
  TPM2B_SENSITIVE_DATA,
  TPMS_ALGORITHM_DETAIL_ECC,
  TPMT_KDF_SCHEME,
  TPMT_RSA_DECRYPT,
  TPMT_SIG_SCHEME,
  TPMT_SIGNATURE,
} from "../types/algorithm-parameters.ts";
import {
  TPM2B_AUTH,
  TPM2B_DATA,
  TPM2B_DIGEST,
  TPM2B_IV,
  TPM2B_MAX_BUFFER,
  TPML_DIGEST_VALUES,
  TPMT_TK_HASHCHECK,
  TPMT_TK_VERIFIED,
} from "../types/basic.ts";
import { TPMI_ECC_CURVE } from "../types/constants.ts";
import { TPMI_DH_OBJECT, TPMI_DH_PCR, TPMI_RH_HIERARCHY } from "../types/handles.ts";
import {
  TPMI_ALG_CIPHER_MODE,
  TPMI_ALG_HASH,
  TPMI_ALG_MAC_SCHEME,
  TPMI_ECC_KEY_EXCHANGE,
  TPMI_YES_NO,
  UINT16,
} from "../types/integers.ts";
import { command, h } from "./spec.ts";

const COMMIT_COUNTER = f("counter", UINT16, "a number that leads back to the secret of this answer");
const CIPHER_RESULT = [
  f("outData", TPM2B_MAX_BUFFER, "the result"),
  f("ivOut", TPM2B_IV, "initial value for the next block"),
];
const ECC_CIPHERTEXT = [
  f("C1", TPM2B_ECC_POINT, "the ephemeral public key"),
  f("C2", TPM2B_MAX_BUFFER, "the ciphertext"),
  f("C3", TPM2B_DIGEST, "guards against changes"),
];

export const CRYPTO_COMMANDS = {
  RSA_Encrypt: command("Part 3, 14.2", "Encrypts with a public RSA key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the key")],
    parameters: [
      f("message", TPM2B_PUBLIC_KEY_RSA, "the data"),
      f("inScheme", TPMT_RSA_DECRYPT, "the padding, if the key leaves it open"),
      f("label", TPM2B_DATA, "a label for OAEP, ending in a zero byte; or empty"),
    ],
    response: [f("outData", TPM2B_PUBLIC_KEY_RSA, "the ciphertext")],
  }),
  RSA_Decrypt: command("Part 3, 14.3", "Decrypts with a private RSA key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      f("cipherText", TPM2B_PUBLIC_KEY_RSA, "the ciphertext"),
      f("inScheme", TPMT_RSA_DECRYPT, "the padding, if the key leaves it open"),
      f("label", TPM2B_DATA, "a label for OAEP, ending in a zero byte; or empty"),
    ],
    response: [f("message", TPM2B_PUBLIC_KEY_RSA, "the data")],
  }),
  ECDH_KeyGen: command("Part 3, 14.4", "Makes an ephemeral key and agrees on a secret with a public key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the public key")],
    response: [
      f("zPoint", TPM2B_ECC_POINT, "the shared secret"),
      f("pubPoint", TPM2B_ECC_POINT, "the ephemeral public key"),
    ],
  }),
  ECDH_ZGen: command("Part 3, 14.5", "Agrees on a secret with the holder of another key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the private key", "USER")],
    parameters: [f("inPoint", TPM2B_ECC_POINT, "the other's public key")],
    response: [f("outPoint", TPM2B_ECC_POINT, "the shared secret")],
  }),
  ECC_Parameters: command("Part 3, 14.6", "Tells the numbers of an elliptic curve.", {
    parameters: [f("curveID", TPMI_ECC_CURVE, "the curve")],
    response: [f("parameters", TPMS_ALGORITHM_DETAIL_ECC, "its numbers")],
  }),
  ZGen_2Phase: command("Part 3, 14.7", "Second half of a two-phase key exchange.", {
    handles: [h("keyA", TPMI_DH_OBJECT, "our static key", "USER")],
    parameters: [
      f("inQsB", TPM2B_ECC_POINT, "the other's static public key"),
      f("inQeB", TPM2B_ECC_POINT, "the other's ephemeral public key"),
      f("inScheme", TPMI_ECC_KEY_EXCHANGE, "the key exchange"),
      f("counter", UINT16, "the number that TPM2_EC_Ephemeral gave"),
    ],
    response: [
      f("outZ1", TPM2B_ECC_POINT, "the first shared secret"),
      f("outZ2", TPM2B_ECC_POINT, "the second shared secret"),
    ],
  }),
  ECC_Encrypt: command("Part 3, 14.8", "Encrypts with a public elliptic-curve key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the key")],
    parameters: [
      f("plainText", TPM2B_MAX_BUFFER, "the data"),
      f("inScheme", TPMT_KDF_SCHEME, "the key derivation, if the key leaves it open"),
    ],
    response: ECC_CIPHERTEXT,
  }),
  ECC_Decrypt: command("Part 3, 14.9", "Decrypts with a private elliptic-curve key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      ...ECC_CIPHERTEXT,
      f("inScheme", TPMT_KDF_SCHEME, "the key derivation, if the key leaves it open"),
    ],
    response: [f("plainText", TPM2B_MAX_BUFFER, "the data")],
  }),
  EncryptDecrypt: command("Part 3, 15.2", "Encrypts or decrypts with a symmetric key (old form).", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      f("decrypt", TPMI_YES_NO, "yes: decrypt"),
      f("mode", TPMI_ALG_CIPHER_MODE, "the mode, if the key leaves it open"),
      f("ivIn", TPM2B_IV, "initial value"),
      f("inData", TPM2B_MAX_BUFFER, "the data"),
    ],
    response: CIPHER_RESULT,
  }),
  EncryptDecrypt2: command("Part 3, 15.3", "Encrypts or decrypts with a symmetric key.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      f("inData", TPM2B_MAX_BUFFER, "the data"),
      f("decrypt", TPMI_YES_NO, "yes: decrypt"),
      f("mode", TPMI_ALG_CIPHER_MODE, "the mode, if the key leaves it open"),
      f("ivIn", TPM2B_IV, "initial value"),
    ],
    response: CIPHER_RESULT,
  }),
  Hash: command("Part 3, 15.4", "Hashes data.", {
    parameters: [
      f("data", TPM2B_MAX_BUFFER, "the data"),
      f("hashAlg", TPMI_ALG_HASH, "the hash"),
      f("hierarchy", TPMI_RH_HIERARCHY, "the hierarchy of the ticket"),
    ],
    response: [
      f("outHash", TPM2B_DIGEST, "the digest"),
      f("validation", TPMT_TK_HASHCHECK, "proof that the TPM made it, for restricted signing keys"),
    ],
  }),
  HMAC: command("Part 3, 15.5", "Makes the HMAC (or MAC) of data.", {
    handles: [h("handle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      f("buffer", TPM2B_MAX_BUFFER, "the data"),
      f("hashAlg", TPMI_ALG_MAC_SCHEME, "the hash, if the key leaves it open"),
    ],
    response: [f("outHMAC", TPM2B_DIGEST, "the HMAC")],
  }),
  HMAC_Start: command("Part 3, 17.2", "Begins an HMAC (or MAC) over many pieces.", {
    handles: [h("handle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      f("auth", TPM2B_AUTH, "password of the sequence"),
      f("hashAlg", TPMI_ALG_MAC_SCHEME, "the hash, if the key leaves it open"),
    ],
    responseHandles: [h("sequenceHandle", TPMI_DH_OBJECT, "the sequence")],
  }),
  HashSequenceStart: command("Part 3, 17.4", "Begins a hash, or an event, over many pieces.", {
    parameters: [
      f("auth", TPM2B_AUTH, "password of the sequence"),
      f("hashAlg", TPMI_ALG_HASH, "the hash; none for an event"),
    ],
    responseHandles: [h("sequenceHandle", TPMI_DH_OBJECT, "the sequence")],
  }),
  SequenceUpdate: command("Part 3, 17.5", "Adds a piece to a hash or HMAC.", {
    handles: [h("sequenceHandle", TPMI_DH_OBJECT, "the sequence", "USER")],
    parameters: [f("buffer", TPM2B_MAX_BUFFER, "the piece")],
  }),
  SequenceComplete: command("Part 3, 17.6", "Adds the last piece and gives the result.", {
    handles: [h("sequenceHandle", TPMI_DH_OBJECT, "the sequence", "USER")],
    parameters: [
      f("buffer", TPM2B_MAX_BUFFER, "the last piece"),
      f("hierarchy", TPMI_RH_HIERARCHY, "the hierarchy of the ticket"),
    ],
    response: [
      f("result", TPM2B_DIGEST, "the digest or HMAC"),
      f("validation", TPMT_TK_HASHCHECK, "proof that the TPM made it; empty for an HMAC"),
    ],
  }),
  EventSequenceComplete: command(
    "Part 3, 17.7",
    "Adds the last piece of an event and extends a PCR with it.",
    {
      handles: [
        h("pcrHandle", TPMI_DH_PCR, "the PCR, or none", "USER"),
        h("sequenceHandle", TPMI_DH_OBJECT, "the sequence", "USER"),
      ],
      parameters: [f("buffer", TPM2B_MAX_BUFFER, "the last piece")],
      response: [f("results", TPML_DIGEST_VALUES, "the digests, one a bank")],
    },
  ),
  Commit: command("Part 3, 19.2", "First half of an anonymous signature.", {
    handles: [h("signHandle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      f("P1", TPM2B_ECC_POINT, "a point"),
      f("s2", TPM2B_SENSITIVE_DATA, "what the X coordinate of P2 is made of"),
      f("y2", TPM2B_ECC_PARAMETER, "the Y coordinate of P2"),
    ],
    response: [
      f("K", TPM2B_ECC_POINT, "the private key times P2"),
      f("L", TPM2B_ECC_POINT, "the secret times P2"),
      f("E", TPM2B_ECC_POINT, "the secret times P1"),
      COMMIT_COUNTER,
    ],
  }),
  EC_Ephemeral: command("Part 3, 19.3", "Makes an ephemeral key for a two-phase key exchange.", {
    parameters: [f("curveID", TPMI_ECC_CURVE, "the curve")],
    response: [f("Q", TPM2B_ECC_POINT, "the ephemeral public key"), COMMIT_COUNTER],
  }),
  VerifySignature: command("Part 3, 20.1", "Checks a signature.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the public key")],
    parameters: [
      f("digest", TPM2B_DIGEST, "what was signed"),
      f("signature", TPMT_SIGNATURE, "the signature"),
    ],
    response: [f("validation", TPMT_TK_VERIFIED, "proof that it was checked")],
  }),
  Sign: command("Part 3, 20.2", "Signs a digest.", {
    handles: [h("keyHandle", TPMI_DH_OBJECT, "the key", "USER")],
    parameters: [
      f("digest", TPM2B_DIGEST, "what to sign"),
      f("inScheme", TPMT_SIG_SCHEME, "how to sign, if the key leaves it open"),
      f("validation", TPMT_TK_HASHCHECK, "for a restricted key: proof that the TPM made the digest"),
    ],
    response: [f("signature", TPMT_SIGNATURE, "the signature")],
  }),
} as const;
