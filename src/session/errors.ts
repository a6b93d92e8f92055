/** What can go wrong between the page and its TPM. */
import { TpmShutDownError } from "../backend/errors.ts";
import { type Failure, type FailureCode, failureCode } from "../backend/failure.ts";

/** The page may not use the TPM now, because the guest does. */
export class TpmBusyError extends Error {
  override name = "TpmBusyError";
  readonly code: FailureCode = "busy";
}

/** The TPM has failed or could not be started; the message says why and what to do, `cause` is what it comes from. */
export class TpmFailedError extends Error {
  override name = "TpmFailedError";
  /** Of what kind the failure is. */
  readonly code: FailureCode;
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = failureCode(options?.cause);
  }
}

/** Who asks something of a TPM that was switched off on purpose. */
export function shutDown(): TpmFailedError {
  const cause = new TpmShutDownError();
  return new TpmFailedError(cause.message, { cause });
}

/** What is to be done first about failures of some kinds, for people. */
const ADVICE: Partial<Record<FailureCode, string>> = {
  "connection-lost": "See that whoever runs it is there and can be reached.",
  "storage-full": "Make room first: delete snapshots or machines, or free disk space.",
  "taken-over": "Go on in the other tab.",
  "wrong-tpm": "Choose the TPM version that it has, or another TPM.",
};

/** What happened to a TPM that has failed, and what to do first about it, in whole sentences. */
export function inWords({ code, message }: Pick<Failure, "code" | "message">): string {
  const advice = ADVICE[code];
  const told = `${message.replace(/[.]$/, "")}.`;
  return advice ? `${told} ${advice}` : told;
}
