/** The trace as JSON: each command with time, bytes, one-line summary and decoded fields. */
import { toHex } from "../bytes/hex.ts";
import { decodeCommand, decodeResponse } from "../tpm2/decode.ts";
import type { Message } from "../tpm2/message.ts";
import { responseCodeName, type TpmFamily } from "../tpm2/names.ts";
import { familyOf } from "../tpm2/parse.ts";
import { summary } from "../tpm2/summary.ts";
import { type JsonField, toJson } from "../tpm2/tree.ts";
import type { TraceEntry } from "./trace.ts";

/** Version of the format: it counts up when a field changes its meaning or goes away. */
const TRACE_JSON_VERSION = 1;

/** The last moment that a date has, in milliseconds since 1970. A time beyond is the nearest that there is. */
const LAST_TIME = 8.64e15;

interface JsonMessage {
  bytes: string;
  fields: JsonField[];
}

export interface JsonCommand {
  /** ISO 8601, UTC. */
  time: string;
  /** Milliseconds; null while there is no response. */
  duration: number | null;
  locality: number;
  family: TpmFamily;
  command: string;
  summary: string;
  responseCode: string | null;
  request: JsonMessage;
  response: JsonMessage | null;
}

export interface JsonTrace {
  format: "webtpm-trace";
  version: number;
  commands: JsonCommand[];
}

/** The trace as a plain object; `JSON.stringify` makes the file. */
export function toTraceJson(entries: readonly TraceEntry[]): JsonTrace {
  return { format: "webtpm-trace", version: TRACE_JSON_VERSION, commands: entries.map(commandJson) };
}

function commandJson(entry: TraceEntry): JsonCommand {
  const request = decodeCommand(entry.request);
  const response = entry.response && decodeResponse(entry.response, entry.request);
  const code = response?.responseCode;
  return {
    time: new Date(Math.min(Math.max(-LAST_TIME, entry.time), LAST_TIME) || 0).toISOString(),
    duration: entry.duration ?? null,
    locality: entry.locality ?? 0,
    family: familyOf(entry.request),
    command: request.name,
    summary: summary(entry.request, entry.response),
    responseCode: code === undefined ? null : responseCodeName(code, request.family),
    request: messageJson(request, entry.request),
    response: response && entry.response ? messageJson(response, entry.response) : null,
  };
}

function messageJson(message: Message, bytes: Uint8Array): JsonMessage {
  return { bytes: toHex(bytes), fields: message.fields.map(toJson) };
}
