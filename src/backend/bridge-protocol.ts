/**
 * What page and bridge say to each other over HTTP before the two WebSockets of a session carry swtpm's bytes.
 *
 *     GET  <base>/          → BridgeDescription
 *     POST <base>/sessions  { "version": "2.0" } → 201 SessionReply
 *     WebSocket <base>/<id>/control   raw bytes of swtpm's control channel
 *     WebSocket <base>/<id>/data      one whole TPM command a message, with or without swtpm's header
 *
 * A refusal is an HTTP status with a {@link BridgeRefusal}, or a WebSocket close code with a reason. A session ends
 * with either of its sockets; the bridge keeps nothing of it.
 */
import type { BackendInfo } from "./port.ts";

/** Name and version of the protocol, as in `BridgeDescription.protocol`. */
export const BRIDGE_PROTOCOL = "webtpm-bridge/1";

export interface BridgeDescription {
  protocol: typeof BRIDGE_PROTOCOL;
  /** What serves, e.g. "swtpm 0.7.1". */
  server: string;
  /** Sessions now, and how many there can be. */
  sessions: number;
  maxSessions: number;
}

export interface SessionRequest {
  version: BackendInfo["version"];
}

export interface SessionReply {
  id: string;
  /** URLs of the two WebSockets, relative to `<base>/` or absolute. */
  control: string;
  data: string;
  /** What serves, e.g. "swtpm 0.7.1". */
  server: string;
  /** False for a TPM that goes on after the session; a bridge that does not say has started it for this one. */
  owned?: boolean;
}

export interface BridgeRefusal {
  /** What was wrong and what to do, for people. */
  error: string;
}

/** WebSocket close codes of the bridge (4000-4999 are for applications, RFC 6455 section 7.4.2). */
export const BRIDGE_CLOSE = {
  /** A message was not what the channel carries. */
  BAD_MESSAGE: 4000,
  /** No message for too long. */
  IDLE: 4001,
  /** swtpm ended, or whatever else the TPM was. */
  SWTPM_ENDED: 4002,
  /** The other socket of the session closed. */
  PARTNER_CLOSED: 4003,
  /** The bridge is being shut down. */
  SHUTTING_DOWN: 4004,
} as const;
