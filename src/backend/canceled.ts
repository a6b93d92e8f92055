/** What a command is answered that was cancelled before a TPM saw it. */
const HEADER_SIZE = 10;
/** The high byte of a TPM 2.0 command's tag. */
const TPM2_TAGS = 0x80;
const CANCELED = Uint8Array.of(TPM2_TAGS, 0x01, 0, 0, 0, HEADER_SIZE, 0, 0, 0x09, 0x09);

/** TPM_RC_CANCELED as a whole response; undefined for a TPM 1.2's command. */
export const canceledResponse = (command: Uint8Array): Uint8Array | undefined =>
  command[0] === TPM2_TAGS ? CANCELED.slice() : undefined;
