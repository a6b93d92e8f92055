/** The bridge inside Vite's dev and preview servers, beside their own WebSocket. */
import type { Server } from "node:http";
import type { Plugin } from "vite";
import { type BridgeServerOptions, createBridge } from "./bridge.ts";

export interface BridgePluginOptions extends BridgeServerOptions {
  /** Where the bridge is on the page's server. Default "/tpm". */
  path?: string;
}

/** What is used of Vite's two servers. */
interface ViteServer {
  /** None when Vite runs as a part of another server; that server then needs a bridge of its own. */
  httpServer: unknown;
}

export function bridgePlugin({ path = "/tpm", ...options }: BridgePluginOptions = {}): Plugin {
  // In front of Vite's own middlewares: its CORS would answer in the bridge's name whom that lets in.
  const mount = ({ httpServer }: ViteServer) => {
    if (httpServer) createBridge(options).attach(httpServer as Server, path);
  };
  return {
    name: "webtpm-bridge",
    configureServer: (server) => mount(server),
    configurePreviewServer: (server) => mount(server),
  };
}
