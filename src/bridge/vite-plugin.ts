/** The bridge inside Vite's dev and preview servers, beside their own WebSocket. */
import type { Server } from "node:http";
import type { Connect, Plugin } from "vite";
import { type BridgeServerOptions, createBridge } from "./bridge.ts";

export interface BridgePluginOptions extends BridgeServerOptions {
  /** Where the bridge is on the page's server. Default "/tpm". */
  path?: string;
}

/** What is used of Vite's two servers. */
interface ViteServer {
  middlewares: Connect.Server;
  /** None when Vite runs as a part of another server; that server then needs a bridge of its own. */
  httpServer: unknown;
}

export function bridgePlugin({ path = "/tpm", ...options }: BridgePluginOptions = {}): Plugin {
  const mount = ({ middlewares, httpServer }: ViteServer) => {
    if (!httpServer) return;
    const server = httpServer as Server;
    const bridge = createBridge(options);
    middlewares.use((request, response, next) => {
      if (!bridge.request(request, response, path)) next();
    });
    server.on("upgrade", (request, socket, head) => void bridge.upgrade(request, socket, head, path));
    server.once("close", () => void bridge.close());
  };
  return {
    name: "webtpm-bridge",
    configureServer: (server) => mount(server),
    configurePreviewServer: (server) => mount(server),
  };
}
