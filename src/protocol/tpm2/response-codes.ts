/**
 * TPM_RC: the response codes of TPM 2.0 (Part 2, section 6.6; their bit layout is told in Part 1, section 39).
 * The words are those that tpm2-tss prints (`tpm2_rc_decode`; BSD-2-Clause), so that people find the same text in
 * both places; those of READ_ONLY and from FW_LIMITED on, which it does not know yet, are ours.
 */

/** Name without `TPM_RC_`, and the words. */
type ResponseCodeRow = readonly [name: string, text: string];

/** Format zero, errors: the low 7 bits with TPM_RC_VER1 (0x100) set. */
export const ERRORS: Readonly<Record<number, ResponseCodeRow>> = {
  0: ["INITIALIZE", "TPM not initialized by TPM2_Startup or already initialized"],
  1: ["FAILURE", "commands not being accepted because of a TPM failure"],
  3: ["SEQUENCE", "improper use of a sequence handle"],
  11: ["PRIVATE", "not currently used"],
  25: ["HMAC", "not currently used"],
  32: ["DISABLED", "the command is disabled"],
  33: ["EXCLUSIVE", "command failed because audit sequence required exclusivity"],
  36: ["AUTH_TYPE", "authorization handle is not correct for command"],
  37: ["AUTH_MISSING", "command requires an authorization session for handle and it is not present"],
  38: ["POLICY", "policy failure in math operation or an invalid authPolicy value"],
  39: ["PCR", "PCR check fail"],
  40: ["PCR_CHANGED", "PCR have changed since checked"],
  45: [
    "UPGRADE",
    "For all commands, other than TPM2_FieldUpgradeData, this code indicates that the TPM is in field upgrade mode. " +
      "For TPM2_FieldUpgradeData, this code indicates that the TPM is not in field upgrade mode",
  ],
  46: ["TOO_MANY_CONTEXTS", "context ID counter is at maximum"],
  47: ["AUTH_UNAVAILABLE", "authValue or authPolicy is not available for selected entity"],
  48: ["REBOOT", "a _TPM_Init and StartupCLEAR is required before the TPM can resume operation"],
  49: [
    "UNBALANCED",
    "the protection algorithms hash and symmetric are not reasonably balanced. The digest size of the hash must be " +
      "larger than the key size of the symmetric algorithm.",
  ],
  66: [
    "COMMAND_SIZE",
    "command commandSize value is inconsistent with contents of the command buffer. Either the size is not the same " +
      "as the octets loaded by the hardware interface layer or the value is not large enough to hold a command header",
  ],
  67: ["COMMAND_CODE", "command code not supported"],
  68: [
    "AUTHSIZE",
    "the value of authorizationSize is out of range or the number of octets in the Authorization Area is greater " +
      "than required",
  ],
  69: [
    "AUTH_CONTEXT",
    "use of an authorization session with a context command or another command that cannot have an authorization " +
      "session",
  ],
  70: ["NV_RANGE", "NV offset+size is out of range"],
  71: ["NV_SIZE", "Requested allocation size is larger than allowed"],
  72: ["NV_LOCKED", "NV access locked"],
  73: ["NV_AUTHORIZATION", "NV access authorization fails in command actions"],
  74: [
    "NV_UNINITIALIZED",
    "an NV Index is used before being initialized or the state saved by TPM2_ShutdownSTATE could not be restored",
  ],
  75: ["NV_SPACE", "insufficient space for NV allocation"],
  76: ["NV_DEFINED", "NV Index or persistent object already defined"],
  80: ["BAD_CONTEXT", "context in TPM2_ContextLoad is not valid"],
  81: ["CPHASH", "cpHash value already set or not correct for use"],
  82: ["PARENT", "handle for parent is not a valid parent"],
  83: ["NEEDS_TEST", "some function needs testing"],
  84: [
    "NO_RESULT",
    "returned when an internal function cannot process a request due to an unspecified problem. This code is usually " +
      "related to invalid parameters that are not properly filtered by the input unmarshaling code",
  ],
  85: ["SENSITIVE", "the sensitive area did not unmarshal correctly after decryption"],
  86: ["READ_ONLY", "the TPM is in read-only mode"],
};

/** Format zero, warnings: the low 7 bits with TPM_RC_WARN (0x900) set. */
export const WARNINGS: Readonly<Record<number, ResponseCodeRow>> = {
  1: ["CONTEXT_GAP", "gap for context ID is too large"],
  2: ["OBJECT_MEMORY", "out of memory for object contexts"],
  3: ["SESSION_MEMORY", "out of memory for session contexts"],
  4: ["MEMORY", "out of shared objectsession memory or need space for internal operations"],
  5: ["SESSION_HANDLES", "out of session handles"],
  6: ["OBJECT_HANDLES", "out of object handles"],
  7: ["LOCALITY", "bad locality"],
  8: [
    "YIELDED",
    "the TPM has suspended operation on the command forward progress was made and the command may be retried",
  ],
  9: ["CANCELED", "the command was canceled"],
  10: ["TESTING", "TPM is performing selftests"],
  16: ["REFERENCE_H0", notLoaded("1st")],
  17: ["REFERENCE_H1", notLoaded("2nd")],
  18: ["REFERENCE_H2", notLoaded("3rd")],
  19: ["REFERENCE_H3", notLoaded("4th")],
  20: ["REFERENCE_H4", notLoaded("5th")],
  21: ["REFERENCE_H5", notLoaded("6th")],
  22: ["REFERENCE_H6", notLoaded("7th")],
  24: ["REFERENCE_S0", "the 1st authorization session handle references a session that is not loaded"],
  25: ["REFERENCE_S1", "the 2nd authorization session handle references a session that is not loaded"],
  26: ["REFERENCE_S2", "the 3rd authorization session handle references a session that is not loaded"],
  27: ["REFERENCE_S3", "the 4th authorization session handle references a session that is not loaded"],
  28: ["REFERENCE_S4", "the 5th session handle references a session that is not loaded"],
  29: ["REFERENCE_S5", "the 6th session handle references a session that is not loaded"],
  30: ["REFERENCE_S6", "the 7th authorization session handle references a session that is not loaded"],
  32: ["NV_RATE", "the TPM is rate limiting accesses to prevent wearout of NV"],
  33: [
    "LOCKOUT",
    "authorizations for objects subject to DA protection are not allowed at this time because the TPM is in DA " +
      "lockout mode",
  ],
  34: ["RETRY", "the TPM was not able to start the command"],
  35: ["NV_UNAVAILABLE", "the command may require writing of NV and NV is not current accessible"],
};

/** Format one: the low 6 bits with TPM_RC_FMT1 (0x080) set; bits 6 and 8-11 say which handle, session or parameter. */
export const FORMAT_ONE: Readonly<Record<number, ResponseCodeRow>> = {
  1: ["ASYMMETRIC", "asymmetric algorithm not supported or not correct"],
  2: ["ATTRIBUTES", "inconsistent attributes"],
  3: ["HASH", "hash algorithm not supported or not appropriate"],
  4: ["VALUE", "value is out of range or is not correct for the context"],
  5: ["HIERARCHY", "hierarchy is not enabled or is not correct for the use"],
  7: ["KEY_SIZE", "key size is not supported"],
  8: ["MGF", "mask generation function not supported"],
  9: ["MODE", "mode of operation not supported"],
  10: ["TYPE", "the type of the value is not appropriate for the use"],
  11: ["HANDLE", "the handle is not correct for the use"],
  12: ["KDF", "unsupported key derivation function or function not appropriate for use"],
  13: ["RANGE", "value was out of allowed range"],
  14: ["AUTH_FAIL", "the authorization HMAC check failed and DA counter incremented"],
  15: ["NONCE", "invalid nonce size or nonce value mismatch"],
  16: ["PP", "authorization requires assertion of PP"],
  18: ["SCHEME", "unsupported or incompatible scheme"],
  21: ["SIZE", "structure is the wrong size"],
  22: ["SYMMETRIC", "unsupported symmetric algorithm or key size or not appropriate for instance"],
  23: ["TAG", "incorrect structure tag"],
  24: ["SELECTOR", "union selector is incorrect"],
  26: [
    "INSUFFICIENT",
    "the TPM was unable to unmarshal a value because there were not enough octets in the input buffer",
  ],
  27: ["SIGNATURE", "the signature is not valid"],
  28: ["KEY", "key fields are not compatible with the selected use"],
  29: ["POLICY_FAIL", "a policy check failed"],
  31: ["INTEGRITY", "integrity check failed"],
  32: ["TICKET", "invalid ticket"],
  33: ["RESERVED_BITS", "reserved bits not set to zero as required"],
  34: ["BAD_AUTH", "authorization failure without DA implications"],
  35: ["EXPIRED", "the policy has expired"],
  36: [
    "POLICY_CC",
    "the commandCode in the policy is not the commandCode of the command or the command code in a policy command " +
      "references a command that is not implemented",
  ],
  37: ["BINDING", "public and sensitive portions of an object are not cryptographically bound"],
  38: ["CURVE", "curve not supported"],
  39: ["ECC_POINT", "point is not on the required curve"],
  40: ["FW_LIMITED", "the hierarchy is bound to firmware whose secret the TPM does not have"],
  41: ["SVN_LIMITED", "the hierarchy is bound to a security version whose secret the TPM does not have"],
  42: ["PARMS", "parameter set not supported"],
  43: ["EXT_MU", "a message representative (mu) from outside is not supported"],
  44: ["ONE_SHOT_SIGNATURE", "the key signs only a message that is given at once, in the last command"],
  45: ["SIGN_CONTEXT_KEY", "the key is not the one that the sequence was started with"],
  48: ["CHANNEL", "the command needs a secure channel"],
  49: ["CHANNEL_KEY", "the secure channel was not made with the required key"],
};

function notLoaded(place: string): string {
  return `the ${place} handle in the handle area references a transient object or session that is not loaded`;
}
