/** A bridge on an HTTP server of its own, for tests. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { vi } from "vitest";
import WebSocket from "ws";
import type { BackendInfo, TpmState } from "../../backend/port.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import { connectBridge, type WebSocketConstructor } from "../../backend/websocket.ts";
import { type Bridge, type BridgeServerOptions, createBridge } from "./bridge.ts";

/** The WebSocket of package `ws`, as the channels take it. */
export const NodeWebSocket = WebSocket as unknown as WebSocketConstructor;

export interface TestBridge {
  bridge: Bridge;
  server: Server;
  /** E.g. "http://127.0.0.1:40123/tpm". */
  url: string;
  /** Everything that was logged. */
  log: string[];
  /** Process ids of all swtpm processes that were started. */
  pids(): number[];
  stop(): Promise<void>;
}

export async function startTestBridge(options: BridgeServerOptions = {}): Promise<TestBridge> {
  const log: string[] = [];
  const bridge = createBridge({ log: (line) => log.push(line), ...options });
  const server = createServer((_request, response) => response.end("the page"));
  bridge.attach(server, "/tpm");
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    bridge,
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tpm`,
    log,
    pids: () => log.flatMap((line) => /swtpm process (\d+)/.exec(line)?.[1] ?? []).map(Number),
    async stop() {
      await bridge.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A started TPM behind a bridge. */
export async function startOverBridge(
  url: string,
  version: BackendInfo["version"] = "2.0",
  state?: TpmState,
): Promise<SwtpmBackend> {
  const { channels, server } = await connectBridge(url, { version, WebSocket: NodeWebSocket });
  const backend = new SwtpmBackend(channels, { version, server, owned: true });
  await backend.start(state ? { state } : {});
  return backend;
}

/** True while the process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Waits until `condition` holds. @throws when it never does */
export async function until(condition: () => boolean, what: string): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`${what}: it did not come`);
    },
    { interval: 10, timeout: 20_000 },
  );
}
