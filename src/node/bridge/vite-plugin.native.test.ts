/** The bridge inside Vite's own dev server. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "vite";
import { expect, it } from "vitest";
import WebSocket from "ws";
import { probeBridge } from "../../backend/websocket.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { isAlive, startOverBridge, until } from "./test-server.ts";
import { bridgePlugin } from "./vite-plugin.ts";

it("serves TPMs beside the page and Vite's hot reload", { timeout: 20_000 }, async () => {
  const root = mkdtempSync(join(tmpdir(), "vite-bridge-"));
  writeFileSync(join(root, "index.html"), "<title>the page</title>");
  const log: string[] = [];
  const server = await createServer({
    root,
    configFile: false,
    logLevel: "silent",
    plugins: [bridgePlugin({ log: (line) => log.push(line) })],
    server: { host: "127.0.0.1", port: 0 },
  });
  try {
    await server.listen();
    const { port } = server.httpServer!.address() as AddressInfo;
    const page = `http://127.0.0.1:${port}`;
    expect(await (await fetch(page)).text()).toContain("the page");
    expect(await probeBridge(`${page}/tpm`)).toMatchObject({ found: true });

    const token = server.config.webSocketToken;
    const reload = new WebSocket(`ws://127.0.0.1:${port}/?token=${token}`, "vite-hmr");
    const [hello] = await once(reload, "message");
    expect(JSON.parse(String(hello))).toEqual({ type: "connected" });

    const backend = await startOverBridge(`${page}/tpm`);
    expect(toHex(await backend.deliver(0, fromHex("80010000000c000001440000")))).toBe("80010000000a00000000");
    expect(reload.readyState).toBe(WebSocket.OPEN);
    const pid = Number(/swtpm process (\d+)/.exec(log.join())?.[1]);
    expect(isAlive(pid)).toBe(true);
    await server.close();
    await until(() => !isAlive(pid), "the end of swtpm");
  } finally {
    await server.close();
    rmSync(root, { recursive: true });
  }
});
