/** The bridge's few HTTP requests, and its refusals of WebSockets. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import {
  BRIDGE_CLOSE,
  BRIDGE_PROTOCOL,
  type BridgeDescription,
  type SessionReply,
} from "../../backend/bridge-protocol.ts";
import { type AccessPolicy, refuseAccess } from "./access.ts";
import type { BridgeSession } from "./session.ts";
import { TpmBusyError, type TpmSource } from "./tpms/source.ts";

/** What the HTTP side needs of the bridge. */
export interface HttpApi {
  readonly policy: AccessPolicy;
  readonly sessions: number;
  readonly maxSessions: number;
  readonly publicUrl: string | undefined;
  readonly source: TpmSource;
  open(version: "2.0" | "1.2", request: IncomingMessage): Promise<BridgeSession>;
  refused(request: IncomingMessage, reason: string): void;
}

/** Largest body of a request in bytes. */
const MAX_BODY = 1024;

/** A request that is refused, with its HTTP status. */
class RefusedRequest extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The part of a request's path below `base`, without slashes at its ends; undefined when it is not below it. */
export function parsePath(url: string | undefined, base: string): string | undefined {
  const path = (url ?? "/").split("?", 1)[0]!;
  const root = base.replace(/\/$/, "");
  if (path !== root && !path.startsWith(`${root}/`)) return undefined;
  return path.slice(root.length).replace(/^\/|\/$/g, "");
}

/** Answers one request; failures end up in the answer and the log. */
export async function answerHttp(
  api: HttpApi,
  request: IncomingMessage,
  response: ServerResponse,
  below: string,
): Promise<void> {
  try {
    const denial = refuseAccess(request, api.policy);
    if (denial) throw new RefusedRequest(403, denial);
    allowOrigin(request, response);
    if (request.method === "OPTIONS") return send(response, 204, undefined);
    if (below === "" && request.method === "GET") return send(response, 200, await description(api));
    if (below === "sessions" && request.method === "POST")
      return send(response, 201, await openSession(api, request, response));
    throw new RefusedRequest(404, "the bridge knows GET /, POST /sessions, and the channels of its sessions");
  } catch (error) {
    const reason = (error as Error).message;
    api.refused(request, reason);
    // Whatever is left of a body is not waited for.
    if (!request.complete) response.setHeader("Connection", "close");
    send(response, statusOf(error), { error: reason });
  }
}

function statusOf(error: unknown): number {
  if (error instanceof RefusedRequest) return error.status;
  return error instanceof TpmBusyError ? 409 : 503;
}

/** The origin was let in: a page of another origin may read the answer (CORS). */
function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
  const { origin } = request.headers;
  if (!origin) return;
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Vary", "Origin");
  response.setHeader("Access-Control-Allow-Methods", "GET, POST");
  response.setHeader("Access-Control-Allow-Headers", "Content-Type");
  if (request.headers["access-control-request-private-network"])
    response.setHeader("Access-Control-Allow-Private-Network", "true");
}

async function description(api: HttpApi): Promise<BridgeDescription> {
  const { source, sessions, maxSessions } = api;
  const server = await source.title();
  return {
    protocol: BRIDGE_PROTOCOL,
    server,
    sessions,
    maxSessions: Math.min(maxSessions, source.most ?? maxSessions),
  };
}

async function openSession(
  api: HttpApi,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<SessionReply> {
  const version = requestedVersion(await readBody(request));
  if (api.sessions >= api.maxSessions)
    throw new RefusedRequest(
      429,
      `all ${api.maxSessions} sessions of this bridge are in use; close a page or allow more`,
    );
  const session = await api.open(version, request);
  const { id, server } = session;
  // Its place would be held until `attachSeconds` are over.
  if (response.destroyed) session.end(BRIDGE_CLOSE.PARTNER_CLOSED, "its client had given up waiting");
  const prefix = api.publicUrl ? `${api.publicUrl.replace(/\/$/, "")}/` : "";
  return {
    id,
    control: `${prefix}${id}/control`,
    data: `${prefix}${id}/data`,
    server,
    owned: api.source.owned,
  };
}

function requestedVersion(body: string): "2.0" | "1.2" {
  let version: unknown;
  try {
    version = (JSON.parse(body) as { version?: unknown } | null)?.version;
  } catch {
    throw new RefusedRequest(400, 'the body has to be JSON like {"version": "2.0"}');
  }
  if (version === "2.0" || version === "1.2") return version;
  throw new RefusedRequest(400, `the TPM version has to be "2.0" or "1.2"`);
}

function readBody(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    // What is too much is read and dropped, so that the client gets to see the answer.
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MAX_BODY) chunks.push(chunk);
      else reject(new RefusedRequest(413, `the body is larger than ${MAX_BODY} bytes`));
    });
    request.on("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
    request.on("error", reject);
  });
}

function send(response: ServerResponse, status: number, body: object | undefined): void {
  // A page under COEP may load this from another origin only when told so.
  response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
  response.setHeader("Cache-Control", "no-store");
  if (body) response.setHeader("Content-Type", "application/json");
  response.writeHead(status);
  response.end(body ? JSON.stringify(body) : undefined);
}

/** Refuses a request with an HTTP status and the reason as text. */
export function rejectRequest(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  reason: string,
): void {
  if (!request.complete) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store" });
  response.end(`${reason}\n`);
}

/** Refuses a WebSocket with an HTTP status and the reason as text. */
export function rejectUpgrade(socket: Duplex, status: number, reason: string): void {
  const body = `${reason}\n`;
  socket.on("error", () => socket.destroy());
  // A client that does not close its side would hold the connection for ever.
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
