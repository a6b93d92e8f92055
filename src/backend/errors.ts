/** What can go wrong behind the device. `SwtpmError` (a control command was refused) is `swtpm/`'s. */
import type { BackendCapabilities } from "./port.ts";

/** The backend is gone: a channel closed, it was shut down, or it failed before; `cause` says which. */
export class BackendClosedError extends Error {
  override name = "BackendClosedError";
}

/** The TPM was switched off on purpose. */
export class TpmShutDownError extends BackendClosedError {
  override name = "TpmShutDownError";
  constructor() {
    super("the TPM was shut down");
  }
}

/** A command was refused because the TPM is not on; `cause` says why, where it has failed. */
export class TpmOffError extends Error {
  override name = "TpmOffError";
}

/** swtpm gave no answer in time. The backend is not used any further: a late answer would meet the wrong question. */
export class BackendTimeoutError extends Error {
  override name = "BackendTimeoutError";
  constructor(
    /** What was waited for, e.g. "CMD_INIT". */
    readonly what: string,
    /** The limit that passed, in milliseconds. */
    readonly limit: number,
  ) {
    super(`no answer to ${what} within ${limit / 1000} s`);
  }
}

/** What was to be opened again serves one session only, and that is over. */
export class BackendSpentError extends Error {
  override name = "BackendSpentError";
}

/** Bytes came that the protocol does not allow. */
export class BackendProtocolError extends Error {
  override name = "BackendProtocolError";
}

/** The TPM behind the channels is not the one asked for, or not a TPM at all. */
export class BackendVersionError extends Error {
  override name = "BackendVersionError";
}

/** swtpm lacks a capability that is needed. */
export class BackendCapabilityError extends Error {
  override name = "BackendCapabilityError";
  constructor(
    /** Names of `PTM_CAP` bits. */
    readonly missing: readonly string[],
    purpose: string,
  ) {
    super(
      `this swtpm cannot ${purpose}: it lacks the capability ${missing.join(", ")}; a newer swtpm may help`,
    );
  }
}

const CANNOT: Record<keyof BackendCapabilities, string> = {
  state: "neither gives its state away nor takes one",
  reset: "cannot be switched off and on from here",
  cancel: "cannot cancel a command",
  locality: "knows locality 0 only",
  hash: "takes no dynamic root of trust's measurement",
};

/** This TPM cannot do what was asked for; it goes on as it was. */
export class TpmUnableError extends Error {
  override name = "TpmUnableError";
  constructor(
    readonly capability: keyof BackendCapabilities,
    /** What is not possible, as the beginning of a sentence. */
    what: string,
  ) {
    super(`${what}: this TPM ${CANNOT[capability]}. Use one that can, e.g. swtpm`);
  }
}

/** A state blob was refused, so the TPM was not powered on. `cause` is swtpm's answer. */
export class StateRefusedError extends Error {
  override name = "StateRefusedError";
  constructor(
    /** "permanent", "volatile" or "savestate". */
    readonly blob: string,
    cause: Error,
    /** Why it may have been, e.g. that a newer swtpm has made it. */
    why?: string,
  ) {
    const because = why === undefined ? "" : ` (${why})`;
    super(`the TPM refused the ${blob} state: ${cause.message}${because}. It was not powered on`, { cause });
  }
}

/** The backend was asked for something before `start()` had succeeded. */
export class BackendNotStartedError extends Error {
  override name = "BackendNotStartedError";
}

/** A change of the TPM's permanent state could not be saved, so the guest was not told that it had happened. */
export class StateNotSavedError extends Error {
  override name = "StateNotSavedError";
  constructor(cause: Error) {
    super(
      `its state could not be saved: ${cause.message}. What the guest wanted to change last counts as not done`,
      { cause },
    );
  }
}
