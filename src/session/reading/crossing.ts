/** Errors of the readers keep their class from thread to thread, as those of the TPM do (`worker/crossing.ts`). */
import { type Failure, toError } from "../../backend/failure.ts";
import { CaptureError } from "../../protocol/export/index.ts";
import { RecordingFormatError } from "../recording/format.ts";
import * as vault from "../vault/errors.ts";
import * as errors from "./errors.ts";

const CLASSES = new Map<string, { prototype: Error }>(
  Object.entries({ ...errors, ...vault, RecordingFormatError, CaptureError }),
);

/** Whether a reader throws it on purpose: its words are for people. */
export const isOfAReader = (error: unknown): error is Error =>
  error instanceof Error && CLASSES.has(error.name);

/** The error that the worker threw. */
export function readingError(failure: Failure): Error {
  const error = toError(failure);
  const known = CLASSES.get(failure.name);
  return known ? Object.setPrototypeOf(error, known.prototype) : error;
}
