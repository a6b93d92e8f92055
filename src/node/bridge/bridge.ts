/**
 * The bridge: carries swtpm's two channels over WebSockets, one TPM a session. It can be mounted on any
 * HTTP server, beside other users of the server's `upgrade` event. The protocol is in `backend/bridge-protocol.ts`.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { BRIDGE_CLOSE } from "../../backend/bridge-protocol.ts";
import { type AccessPolicy, refuseAccess } from "./access.ts";
import { answerHttp, type HttpApi, parsePath, rejectUpgrade } from "./http.ts";
import { BridgeSession, type ChannelName, MAX_MESSAGE } from "./session.ts";
import { sweepStateDirectories } from "./state-directory.ts";
import { ownSwtpm } from "./tpms/own-swtpm.ts";
import type { ServedTpm, TpmSource } from "./tpms/source.ts";

export interface BridgeServerOptions extends Partial<AccessPolicy> {
  /** Default 8. */
  maxSessions?: number;
  /** A session without a message for so many seconds ends; 0: never. Default one day. */
  idleSeconds?: number;
  /** The two sockets of a new session have to be there after so many seconds. Default 10. */
  attachSeconds?: number;
  /** Seconds between two signs of life that a client has to give. Default 30. */
  pulseSeconds?: number;
  /** URL under which clients reach this very bridge, where a load balancer would take them to another one. */
  publicUrl?: string;
  /** The swtpm program; default `swtpm` on the PATH. */
  program?: string;
  /** Where the TPMs come from; default: a process of `program` for each session. */
  source?: TpmSource;
  /** Gets a line for each session that begins or ends, and for each refusal. Default: console.log. */
  log?: (line: string, kind: "session" | "refusal") => void;
}

export interface Bridge {
  /** Serves `path` (and what is below it) on an HTTP server; everything else stays with the server's other users. */
  attach(server: Server, path: string): void;
  /** Answers an HTTP request below `path`. @returns false when it is not the bridge's. */
  request(request: IncomingMessage, response: ServerResponse, path: string): boolean;
  /** Takes a WebSocket below `path`. @returns false when it is not the bridge's. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, path: string): boolean;
  /** Sessions that are open. */
  readonly sessions: number;
  /** Ends all sessions and waits until their processes are gone. */
  close(): Promise<void>;
}

const SECOND = 1000;

/** @throws {RangeError} when `source` asks for named origins, and there are none. */
export function createBridge(options: BridgeServerOptions = {}): Bridge {
  return new BridgeServer(options);
}

class BridgeServer implements Bridge, HttpApi {
  readonly policy: AccessPolicy;
  readonly maxSessions: number;
  readonly publicUrl: string | undefined;
  readonly source: TpmSource;
  readonly #options: BridgeServerOptions;
  readonly #sessions = new Map<string, BridgeSession>();
  readonly #acceptors: Record<ChannelName, WebSocketServer>;
  readonly #ticker: NodeJS.Timeout;
  /** Sessions whose swtpm is being started. */
  #starting = 0;
  #closed = false;

  constructor(options: BridgeServerOptions) {
    this.#options = options;
    const { origins = [], hosts = [], remote = false } = options;
    this.policy = { origins, hosts, remote };
    this.source = options.source ?? ownSwtpm(options.program);
    if (this.source.namedOrigins && (origins.length === 0 || origins.includes("*")))
      throw new RangeError(
        "this TPM is somebody's own: name the origin of each page that may use it, e.g. https://example.org",
      );
    this.maxSessions = options.maxSessions ?? 8;
    this.publicUrl = options.publicUrl;
    this.#acceptors = { control: acceptor("control"), data: acceptor("data") };
    const pulse = (options.pulseSeconds ?? 30) * SECOND;
    this.#ticker = setInterval(() => this.#tick(), pulse);
    this.#ticker.unref();
    sweepStateDirectories();
  }

  get sessions(): number {
    return this.#sessions.size + this.#starting;
  }

  attach(server: Server, path: string): void {
    const others = server.listeners("request") as ((...args: unknown[]) => void)[];
    server.removeAllListeners("request");
    server.on("request", (request, response) => {
      if (this.request(request, response, path)) return;
      for (const listener of others) listener.call(server, request, response);
    });
    server.on("upgrade", (request, socket, head) => {
      if (this.upgrade(request, socket, head, path) || server.listenerCount("upgrade") > 1) return;
      // Nobody else is here to take or refuse it.
      rejectUpgrade(socket, 404, `the bridge's WebSockets are below ${path}/`);
    });
    server.once("close", () => void this.close());
  }

  request(request: IncomingMessage, response: ServerResponse, path: string): boolean {
    const below = parsePath(request.url, path);
    if (below === undefined) return false;
    void answerHttp(this, request, response, below);
    return true;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, path: string): boolean {
    const below = parsePath(request.url, path);
    if (below === undefined) return false;
    const refuse = (status: number, reason: string) => {
      this.refused(request, reason);
      rejectUpgrade(socket, status, reason);
      return true;
    };
    const denial = refuseAccess(request, this.policy);
    if (denial) return refuse(403, denial);
    const [id = "", name = ""] = below.split("/");
    const session = this.#sessions.get(id);
    if (!session) return refuse(404, "there is no such session; it may have ended");
    if (name !== "control" && name !== "data") return refuse(404, `a session has no channel "${name}"`);
    if (session.has(name))
      return refuse(409, `the session's ${name} channel is in use; one client a session`);
    this.#acceptors[name].handleUpgrade(request, socket, head, (client) => {
      // Two attempts at once: the second one finds the place taken.
      if (session.has(name)) {
        this.refused(request, `the session's ${name} channel is in use`);
        client.close(BRIDGE_CLOSE.BAD_MESSAGE, "the channel is in use; one client a session");
      } else session.attach(name, client);
    });
    return true;
  }

  /** Starts a session; the caller has checked that there is room. */
  async open(version: "2.0" | "1.2", request: IncomingMessage): Promise<BridgeSession> {
    const from = request.headers.origin ?? request.socket.remoteAddress ?? "somewhere";
    this.#starting++;
    let tpm: ServedTpm;
    try {
      const refused = (what: string) => this.#log(`refused ${what} (from ${from})`, "refusal");
      tpm = await this.source.open(version, { name: from, refused });
    } finally {
      this.#starting--;
    }
    const session = new BridgeSession(tpm);
    this.#sessions.set(session.id, session);
    this.#log(`session ${session.label} began: TPM ${version}, ${tpm.label}, for ${from}`, "session");
    const late = setTimeout(
      () => {
        if (!session.complete) session.end(BRIDGE_CLOSE.IDLE, "its two channels were not opened in time");
      },
      (this.#options.attachSeconds ?? 10) * SECOND,
    );
    void session.ended.then((reason) => {
      clearTimeout(late);
      this.#sessions.delete(session.id);
      const seconds = Math.round((Date.now() - session.startedAt) / SECOND);
      this.#log(`session ${session.label} ended after ${seconds} s: ${reason}`, "session");
    });
    if (this.#closed) session.end(BRIDGE_CLOSE.SHUTTING_DOWN, "the bridge is being shut down");
    return session;
  }

  refused(request: IncomingMessage, reason: string): void {
    const what = `${request.method} ${(request.url ?? "").replace(/[\w-]{20,}/, (id) => `${id.slice(0, 6)}…`)}`;
    this.#log(
      `refused ${what} from ${request.socket?.remoteAddress ?? "a client that is gone"}: ${reason}`,
      "refusal",
    );
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#ticker);
    const sessions = [...this.#sessions.values()];
    for (const session of sessions) session.end(BRIDGE_CLOSE.SHUTTING_DOWN, "the bridge is being shut down");
    await Promise.all(sessions.map((session) => session.ended));
  }

  #tick(): void {
    const limit = (this.#options.idleSeconds ?? 86_400) * SECOND;
    for (const session of this.#sessions.values()) {
      if (limit > 0 && session.idle > limit)
        session.end(BRIDGE_CLOSE.IDLE, `no message for ${Math.round(session.idle / SECOND)} s`);
      else session.checkPulse();
    }
  }

  #log(line: string, kind: "session" | "refusal"): void {
    (this.#options.log ?? ((text) => console.log(`[bridge] ${text}`)))(line, kind);
  }
}

/** What turns an upgraded connection into a WebSocket for one of the channels. */
function acceptor(name: ChannelName): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // Deflating messages of some tens of bytes costs time and gains nothing.
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE[name],
    handleProtocols: (offered) => (offered.has("binary") ? "binary" : false),
  });
}
