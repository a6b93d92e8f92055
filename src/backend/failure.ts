/**
 * What went wrong, by kind, and as plain data: errors lose their class and their causes on the way to another thread, so
 * that they go as a {@link Failure} there, and are errors of the same class again behind it.
 */
import { SwtpmError } from "../protocol/swtpm/commands.ts";
import { TpmResponseError } from "../protocol/tpm2/parse.ts";
import { ChannelClosedError } from "./channel.ts";
import * as errors from "./errors.ts";
import { TpmLostError } from "./recovering.ts";
import { BridgeRefusedError } from "./websocket.ts";

/** The kinds of failure: one for each thing that somebody may want to do something else about. */
export const FAILURE_CODES = {
  busy: "the guest uses the TPM, or a tab has the machine",
  "connection-lost": "the connection to whoever runs the TPM broke, or could not be made",
  "bridge-refused": "a bridge was reached and gave no session",
  timeout: "the TPM gave no answer in time",
  protocol: "what came from the TPM's side is not what its protocol allows",
  "wrong-tpm": "the TPM that answers is not the one that was asked for, or none at all",
  unsupported: "this TPM, or the swtpm that runs it, cannot do what was asked for",
  "state-refused": "the TPM does not take the saved state",
  "storage-full": "there is no room to keep the TPM's state in",
  "storage-failed": "the TPM's state could not be read, or kept, for another reason",
  "taken-over": "another tab has taken the machine over",
  "tpm-lost": "the TPM that was lost could not be brought back to where it was",
  "tpm-refused": "the TPM answered with an error code",
  "worker-lost": "the worker that has the device ended, or is stuck",
  off: "the TPM is not on (yet)",
  "shut-down": "the TPM was switched off on purpose",
  invalid: "what was asked for makes no sense: an argument, a snapshot, or the order of calls",
  other: "anything else; the message says what",
} as const;

export type FailureCode = keyof typeof FAILURE_CODES;

type Plain = string | number | boolean | readonly string[];

/** An error as plain data. */
export interface Failure {
  code: FailureCode;
  /** The error's class, e.g. "BackendTimeoutError". */
  name: string;
  /** For people. */
  message: string;
  /** The error's own fields, e.g. `responseCode`. */
  detail?: Record<string, Plain>;
  cause?: Failure;
}

/** By the error's name, since many of them are other folders' own. */
const CODES: Readonly<Record<string, FailureCode>> = {
  BackendCapabilityError: "unsupported",
  BackendClosedError: "connection-lost",
  BackendNotStartedError: "off",
  BackendProtocolError: "protocol",
  BackendTimeoutError: "timeout",
  BackendVersionError: "wrong-tpm",
  BridgeRefusedError: "bridge-refused",
  ChannelClosedError: "connection-lost",
  LinkBrokenError: "worker-lost",
  MachineInUseError: "busy",
  MachineLockLostError: "taken-over",
  NotStartedError: "invalid",
  QuotaExceededError: "storage-full",
  RangeError: "invalid",
  StateNotSavedError: "storage-failed",
  StateRefusedError: "state-refused",
  SwtpmError: "tpm-refused",
  TisSnapshotError: "invalid",
  TpmBusyError: "busy",
  TpmLostError: "tpm-lost",
  TpmOffError: "off",
  TpmResponseError: "tpm-refused",
  TpmShutDownError: "shut-down",
  TpmUnableError: "unsupported",
  VaultClosedError: "storage-failed",
  VaultDamagedError: "storage-failed",
  VaultError: "storage-failed",
  VaultFullError: "storage-full",
  VaultMissingError: "storage-failed",
  VaultNewerError: "storage-failed",
  VaultUnavailableError: "storage-failed",
  WorkerLostError: "worker-lost",
};

/** They say that something is over; their cause says of what kind that was. */
const WRAPPERS: ReadonlySet<string> = new Set([
  "BackendClosedError",
  "ChannelClosedError",
  "StateNotSavedError",
  "TpmFailedError",
  "TpmLostError",
  "TpmOffError",
]);

/** Codes of Node's file system. */
const NO_ROOM: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

const CLASSES: Readonly<Record<string, { prototype: Error }>> = {
  ...errors,
  BridgeRefusedError,
  ChannelClosedError,
  SwtpmError,
  TpmLostError,
  TpmResponseError,
  RangeError,
};

/** Of what kind an error is; of one that wraps another, what kind that one is. */
export function failureCode(error: unknown): FailureCode {
  return codeOf(error) ?? "other";
}

function codeOf(error: unknown, depth = 0): FailureCode | undefined {
  if (!(error instanceof Error) || depth > LONGEST_CHAIN) return undefined;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && Object.hasOwn(FAILURE_CODES, code)) return code as FailureCode;
  if (NO_ROOM.has(code)) return "storage-full";
  const inner = WRAPPERS.has(error.name) ? codeOf(error.cause, depth + 1) : undefined;
  return inner ?? (Object.hasOwn(CODES, error.name) ? CODES[error.name] : undefined);
}

/** Causes that are told; more are a circle. */
const LONGEST_CHAIN = 8;
const NOT_DETAIL: ReadonlySet<string> = new Set(["name", "message", "stack", "cause", "code"]);

/** Also of what is no error. */
export function toFailure(thrown: unknown): Failure {
  return asFailure(thrown, 0);
}

function asFailure(thrown: unknown, depth: number): Failure {
  if (!(thrown instanceof Error)) return { code: "other", name: "Error", message: String(thrown) };
  const { name, message, cause } = thrown;
  const own = Object.entries(thrown).filter(([key, value]) => !NOT_DETAIL.has(key) && isPlain(value));
  return {
    code: failureCode(thrown),
    name,
    message,
    ...(own.length > 0 && { detail: Object.fromEntries(own) }),
    ...(cause !== undefined && depth < LONGEST_CHAIN && { cause: asFailure(cause, depth + 1) }),
  };
}

function isPlain(value: unknown): value is Plain {
  if (Array.isArray(value)) return value.every((entry) => typeof entry === "string");
  return ["string", "number", "boolean"].includes(typeof value);
}

/** The error that a {@link Failure} describes: of its class, where that is one of this folder's or of those below. */
export function toError({ code, name, message, detail, cause }: Failure): Error & { code: FailureCode } {
  const error = new Error(message, cause && { cause: toError(cause) });
  const known = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  if (known) Object.setPrototypeOf(error, known.prototype);
  return Object.assign(error, { ...detail, name, code });
}

export function isFailure(value: unknown): value is Failure {
  const { code, name, message } = (value ?? {}) as Partial<Failure>;
  return (
    typeof code === "string" &&
    Object.hasOwn(FAILURE_CODES, code) &&
    typeof name === "string" &&
    typeof message === "string"
  );
}
