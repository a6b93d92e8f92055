/** The same client against two plain WebSocket-to-TCP proxies: Debian's websockify in front of `swtpm socket`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, it } from "vitest";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import { connectWebSocketPair } from "../../backend/websocket.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { freePort, type ListeningSwtpm, listenSwtpm } from "./swtpm-listening.ts";
import { connectTcp } from "./tcp-channel.ts";
import { NodeWebSocket } from "./test-server.ts";

const children: ChildProcess[] = [];
let swtpm: ListeningSwtpm | undefined;
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill();
    await once(child, "exit");
  }
  await swtpm?.stop();
});

/** Starts websockify in front of a TCP port. @returns the WebSocket's URL once it can be connected to. */
async function websockify(target: number): Promise<string> {
  const port = await freePort();
  const child = spawn("websockify", [`127.0.0.1:${port}`, `127.0.0.1:${target}`], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONUNBUFFERED: "1" },
  });
  children.push(child);
  await new Promise<void>((resolve, reject) => {
    let output = "";
    const look = (text: Buffer) => {
      output += text;
      if (output.includes("proxying from")) resolve();
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("exit", () => reject(new Error(`websockify ended: ${output}`)));
    child.once("error", reject);
  });
  return `ws://127.0.0.1:${port}/`;
}

it("works over two plain proxies, and finds the same TPM over TCP afterwards", {
  timeout: 20_000,
}, async () => {
  swtpm = await listenSwtpm({ version: "2.0" });
  const urls = {
    control: await websockify(swtpm.controlPort),
    data: await websockify(swtpm.dataPort),
  };
  const channels = await connectWebSocketPair(urls, { WebSocket: NodeWebSocket });
  const backend = new SwtpmBackend(channels, { version: "2.0" });
  await backend.start();
  expect(toHex(await backend.deliver(0, fromHex("80010000000c000001440000")))).toBe("80010000000a00000000");
  const random = await backend.deliver(3, fromHex("80010000000c0000017b0010"));
  expect(random).toHaveLength(28);
  const state = await backend.getState();
  await backend.reset();
  // Not ours: it is switched off, and goes on listening.
  await backend.shutdown();

  const again = new SwtpmBackend(
    {
      control: await connectTcp("127.0.0.1", swtpm.controlPort),
      data: await connectTcp("127.0.0.1", swtpm.dataPort),
    },
    { version: "2.0", owned: true },
  );
  await again.start({ state });
  // Started before the state was taken: a second TPM2_Startup is refused.
  expect(toHex(await again.deliver(0, fromHex("80010000000c000001440000")))).toBe("80010000000a00000100");
  await again.shutdown();
  expect(await swtpm.exited).toBe("swtpm ended with exit code 0");
});

it("says when nothing listens", async () => {
  const port = await freePort();
  await expect(connectTcp("127.0.0.1", port)).rejects.toThrow(`cannot connect to 127.0.0.1:${port}`);
  await expect(
    connectWebSocketPair(
      { control: `ws://127.0.0.1:${port}/`, data: `ws://127.0.0.1:${port}/` },
      { WebSocket: NodeWebSocket },
    ),
  ).rejects.toMatchObject({ name: "ChannelClosedError" });
  await expect(
    connectWebSocketPair(
      { control: `ws://127.0.0.1:${port}/`, data: `ws://127.0.0.1:${port}/` },
      { WebSocket: NodeWebSocket, signal: AbortSignal.abort() },
    ),
  ).rejects.toThrow("given up");
});
