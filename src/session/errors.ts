/** What can go wrong between the page and its TPM. */

/** The page may not use the TPM now, because the guest does. */
export class TpmBusyError extends Error {
  override name = "TpmBusyError";
}

/** The TPM has failed or could not be started; the message says why and what to do. */
export class TpmFailedError extends Error {
  override name = "TpmFailedError";
}
