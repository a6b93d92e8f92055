/**
 * Byte channels over WebSockets, in a page, a worker or Node (with the `WebSocket` of package `ws` given): one by one,
 * as a pair in front of any WebSocket-to-TCP proxy, and as a session of our bridge.
 */
import {
  BRIDGE_PROTOCOL,
  type BridgeDescription,
  type BridgeRefusal,
  type SessionReply,
  type SessionRequest,
} from "./bridge-protocol.ts";
import { type ByteChannel, ChannelClosedError, type SwtpmChannels } from "./channel.ts";
import type { BackendInfo } from "./port.ts";

/** What is used of a WebSocket; the browser's and that of `ws` both have it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string[]) => WebSocketLike;

export interface WebSocketOptions {
  /** Gives up the attempt to connect. */
  signal?: AbortSignal;
  /** Default: the global one. */
  WebSocket?: WebSocketConstructor;
  /** Subprotocols to offer. Default "binary", which websockify and our bridge take; [] for proxies that take none. */
  protocols?: string[];
}

const OPEN = 1;

/** A bridge refused a session, or what answers is no bridge. */
export class BridgeRefusedError extends Error {
  override name = "BridgeRefusedError";
  constructor(
    message: string,
    /** HTTP status, where there was one. */
    readonly status?: number,
  ) {
    super(message);
  }
}

/**
 * Opens a WebSocket as a byte channel.
 * @throws {ChannelClosedError} when it cannot be opened.
 */
export function openWebSocketChannel(url: string, options: WebSocketOptions = {}): Promise<ByteChannel> {
  const Constructor: WebSocketConstructor | undefined =
    options.WebSocket ?? (globalThis.WebSocket as WebSocketConstructor | undefined);
  const { signal } = options;
  return new Promise((resolve, reject) => {
    const refuse = (reason: string) => reject(new ChannelClosedError(`cannot connect to ${url}: ${reason}`));
    if (signal?.aborted) return refuse("given up");
    if (!Constructor) return refuse("there is no WebSocket here; pass one, e.g. that of package ws");
    const socket = new Constructor(url, options.protocols ?? ["binary"]);
    socket.binaryType = "arraybuffer";
    const abort = () => {
      refuse("given up");
      socket.close();
    };
    signal?.addEventListener("abort", abort, { once: true });
    // A browser says nothing about the cause here; the close event that follows has a code and perhaps a reason.
    socket.onerror = () => undefined;
    socket.onclose = (event: CloseEvent) => {
      signal?.removeEventListener("abort", abort);
      refuse(closeReason(event));
    };
    socket.onopen = () => {
      signal?.removeEventListener("abort", abort);
      resolve(channelOver(socket, url));
    };
  });
}

function closeReason({ code, reason }: CloseEvent): string {
  if (reason) return reason;
  return code === 1006 ? "no connection, or it broke" : `closed with code ${code}`;
}

function channelOver(socket: WebSocketLike, url: string): ByteChannel {
  let open = true;
  const finish = (error: Error | undefined) => {
    if (!open) return;
    open = false;
    channel.onClose?.(error);
  };
  const channel: ByteChannel = {
    onData: undefined,
    onClose: undefined,
    send(bytes) {
      if (!open || socket.readyState !== OPEN)
        throw new ChannelClosedError(`the connection to ${url} is closed`);
      socket.send(bytes);
    },
    close() {
      finish(undefined);
      socket.close(1000);
    },
  };
  socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
    if (!open) return;
    if (typeof event.data === "string") {
      finish(new ChannelClosedError(`${url} sent text where bytes belong`));
      socket.close(1000);
    } else channel.onData?.(new Uint8Array(event.data));
  };
  socket.onclose = (event: CloseEvent) => finish(new ChannelClosedError(closeReason(event)));
  return channel;
}

/**
 * Opens both channels of an swtpm behind plain WebSocket-to-TCP proxies, e.g. two of websockify.
 * @throws {ChannelClosedError} when one of them cannot be opened; the other is closed then.
 */
export async function connectWebSocketPair(
  urls: { control: string; data: string },
  options: WebSocketOptions = {},
): Promise<SwtpmChannels> {
  const [control, data] = await Promise.allSettled([
    openWebSocketChannel(urls.control, options),
    openWebSocketChannel(urls.data, options),
  ]);
  if (control.status === "fulfilled" && data.status === "fulfilled")
    return { control: control.value, data: data.value };
  for (const result of [control, data]) if (result.status === "fulfilled") result.value.close();
  throw control.status === "rejected" ? control.reason : (data as PromiseRejectedResult).reason;
}

export interface BridgeOptions extends Omit<WebSocketOptions, "protocols"> {
  /** The TPM to start. */
  version: BackendInfo["version"];
}

/** A session of a bridge: a TPM of its own, which may not be powered on yet. */
export interface BridgeConnection {
  channels: SwtpmChannels;
  /** What serves, e.g. "swtpm 0.7.1". */
  server: string;
  /** The TPM ends with the session: for `SwtpmOptions`. */
  owned: boolean;
}

/**
 * Starts a session on a bridge. @param baseUrl e.g. "https://example.org/tpm", or a path on the page's own server.
 * @throws {BridgeRefusedError} when the bridge says no, or is none.
 * @throws {ChannelClosedError} when there is no connection.
 */
export async function connectBridge(baseUrl: string, options: BridgeOptions): Promise<BridgeConnection> {
  const base = bridgeBase(baseUrl);
  const url = new URL("sessions", base);
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ version: options.version } satisfies SessionRequest),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (cause) {
    throw new ChannelClosedError(noAnswer(base, cause as Error), { cause });
  }
  const reply = (await response.json().catch(() => undefined)) as
    | Partial<SessionReply & BridgeRefusal>
    | undefined;
  if (!response.ok)
    throw new BridgeRefusedError(
      reply?.error ?? `${url.href} answered with HTTP status ${response.status}`,
      response.status,
    );
  if (typeof reply?.control !== "string" || typeof reply.data !== "string")
    throw new BridgeRefusedError(`what answers at ${base.href} is not a WebTPM bridge`, response.status);
  const channels = await connectWebSocketPair(
    { control: socketUrl(reply.control, base), data: socketUrl(reply.data, base) },
    options,
  );
  return { channels, server: reply.server ?? "swtpm", owned: reply.owned ?? true };
}

/** What an attempt to find a bridge found. */
export type BridgeProbe =
  | { found: true; server: string; sessions: number; maxSessions: number }
  | { found: false; reason: string };

/**
 * How long a bridge may take to answer before it counts as not there, in milliseconds: a host that is up, but busy, takes
 * seconds. One that is not there is told at once, as a rule.
 */
export const BRIDGE_LIMIT_MS = 10_000;

/** Looks whether a bridge that can serve is at `baseUrl`; never throws. @param limit milliseconds. */
export async function probeBridge(baseUrl: string, limit = BRIDGE_LIMIT_MS): Promise<BridgeProbe> {
  try {
    const base = bridgeBase(baseUrl);
    const response = await fetch(base, { signal: AbortSignal.timeout(limit) });
    const text = await response.text();
    const reply = parseJson(text) as Partial<BridgeDescription & BridgeRefusal> | undefined;
    if (!response.ok)
      return {
        found: false,
        reason: reply?.error ?? `${base.href} answered with HTTP status ${response.status}`,
      };
    if (reply?.protocol !== BRIDGE_PROTOCOL)
      return { found: false, reason: `what answers at ${base.href} is not a WebTPM bridge` };
    const { server = "swtpm", sessions = 0, maxSessions = 0 } = reply;
    return { found: true, server, sessions, maxSessions };
  } catch (error) {
    return { found: false, reason: noAnswer(baseUrl, error as Error) };
  }
}

/**
 * Why nothing came back. A bridge that does not serve the page's origin may not be told from one that is not there:
 * the browser keeps its answer from the page.
 */
function noAnswer(baseUrl: string | URL, { message }: Error): string {
  const { origin, href } = globalThis.location ?? {};
  const url = new URL(baseUrl, href);
  const foreign = origin !== undefined && url.origin.replace(/^ws/, "http") !== origin;
  const refusal = foreign
    ? `; or it does not serve pages of ${origin}: start it with --allow-origin ${origin}`
    : "";
  return `no bridge answers at ${url.href} (${message})${refusal}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The bridge's base URL with a slash at its end, so that paths can be resolved against it. */
function bridgeBase(baseUrl: string): URL {
  const base = new URL(baseUrl, globalThis.location?.href);
  base.protocol = base.protocol.replace(/^ws/, "http");
  if (!base.pathname.endsWith("/")) base.pathname += "/";
  return base;
}

function socketUrl(path: string, base: URL): string {
  const url = new URL(path, base);
  url.protocol = url.protocol.replace(/^http/, "ws");
  return url.href;
}
