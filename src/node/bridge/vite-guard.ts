/**
 * Keeps strangers out of Vite's development server. That opens files in an editor (`/__open-in-editor`), serves the
 * sources of the project and takes WebSockets, for whoever reaches it: any site's page in the user's browser can.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Plugin } from "vite";
import { type AccessPolicy, refusePageAccess } from "./access.ts";
import { parsePath, rejectRequest, rejectUpgrade } from "./http.ts";

export interface GuardPluginOptions extends Partial<AccessPolicy> {
  /** Where the bridge is, which looks at its requests itself and by the same policy. Default "/tpm". */
  bridge?: string;
}

/** Subprotocols of Vite's own WebSockets. */
const VITE_SOCKETS: readonly unknown[] = ["vite-hmr", "vite-ping"];

/** Milliseconds that a client may take for its request, head and body; none of a page is large. */
const HEADERS_LIMIT = 10_000;
const REQUEST_LIMIT = 30_000;

interface Rules {
  policy: AccessPolicy;
  bridge: string;
  /** Vite has WebSockets here. */
  reloads: boolean;
}

export function guardPlugin(options: GuardPluginOptions = {}): Plugin {
  const { bridge = "/tpm", origins = [], hosts = [], remote = false } = options;
  const policy = { origins, hosts, remote };
  return {
    name: "webtpm-guard",
    configureServer({ httpServer }) {
      // Vite within another server is that server's business.
      // Vite's client in the page asks for its WebSocket also where nothing is ever reloaded.
      if (httpServer) guard(httpServer as Server, { policy, bridge, reloads: true });
    },
    configurePreviewServer({ httpServer }) {
      guard(httpServer as Server, { policy, bridge, reloads: false });
    },
  };
}

/** Before all listeners of the server, those to come included: none of them sees what is refused. */
function guard(server: Server, rules: Rules): void {
  server.headersTimeout = HEADERS_LIMIT;
  server.requestTimeout = REQUEST_LIMIT;
  const emit = server.emit.bind(server) as (event: string | symbol, ...args: unknown[]) => boolean;
  server.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event === "request" || event === "checkContinue" || event === "checkExpectation") {
      const [request, response] = args as [IncomingMessage, ServerResponse];
      const reason = refuse(request, rules);
      if (reason !== undefined) {
        rejectRequest(request, response, 403, reason);
        return true;
      }
    }
    if (event === "upgrade") {
      const [request, socket] = args as [IncomingMessage, Duplex];
      const refusal = refuseSocket(request, rules);
      if (refusal) {
        rejectUpgrade(socket, ...refusal);
        return true;
      }
    }
    return emit(event, ...args);
  };
}

const isBridges = ({ url }: IncomingMessage, { bridge }: Rules) => parsePath(url, bridge) !== undefined;

function refuse(request: IncomingMessage, rules: Rules): string | undefined {
  return isBridges(request, rules) ? undefined : refusePageAccess(request, rules.policy);
}

function refuseSocket(request: IncomingMessage, rules: Rules): [status: number, reason: string] | undefined {
  const reason = refuse(request, rules);
  if (reason !== undefined) return [403, reason];
  if (isBridges(request, rules)) return undefined;
  if (rules.reloads && VITE_SOCKETS.includes(request.headers["sec-websocket-protocol"])) return undefined;
  return [404, `the bridge's WebSockets are below ${rules.bridge}/`];
}
