/** TPM messages from a file of anybody: a packet capture, or commands with their responses one behind the other. */
import {
  CaptureError,
  isCapture,
  type ReadCapture,
  readCapture,
  splitMessages,
  type TraceEntry,
} from "../../protocol/export/index.ts";
import { beyond, MESSAGES } from "./limits.ts";
import type { Progress } from "./readers.ts";

/** What was found; no entries where the file is something else. */
export type ReadMessages = ReadCapture;

/** @throws {CaptureError} for a capture without a TPM in it, and for a file beyond a limit. */
export async function readMessages(file: Blob, progress: Progress): Promise<ReadMessages> {
  const start = new Uint8Array(await file.slice(0, MESSAGES.start).arrayBuffer());
  const captured = isCapture(start);
  if (file.size > MESSAGES.file) {
    if (captured) throw new CaptureError(beyond(MESSAGES.file, "bytes"));
    return { entries: [], problems: [] };
  }
  const bytes = new Uint8Array(await file.arrayBuffer());
  const found = captured
    ? readCapture(bytes, { progress: (done) => progress("reading", done, bytes.length) })
    : { entries: pairs(splitMessages(bytes) ?? []), problems: [] };
  if (found.entries.length > MESSAGES.commands) throw new CaptureError(beyond(MESSAGES.commands, "commands"));
  return found;
}

/** A command, then its response, and so on. */
function pairs(messages: readonly Uint8Array[]): TraceEntry[] {
  const entries: TraceEntry[] = [];
  for (let i = 0; i < messages.length; i += 2) {
    const response = messages[i + 1];
    entries.push({ time: 0, request: messages[i] as Uint8Array, ...(response && { response, duration: 0 }) });
  }
  return entries;
}
