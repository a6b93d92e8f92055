/** The bridge end to end: real swtpm, real WebSockets. */
import { once } from "node:events";
import { request } from "node:http";
import { afterEach, describe, expect, it } from "vitest";
import WebSocket from "ws";
import type { SessionReply } from "../../backend/bridge-protocol.ts";
import type { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import { connectBridge, probeBridge } from "../../backend/websocket.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import type { BridgeServerOptions } from "./bridge.ts";
import {
  isAlive,
  NodeWebSocket,
  startOverBridge,
  startTestBridge,
  type TestBridge,
  until,
} from "./test-server.ts";
import { ownSwtpm } from "./tpms/own-swtpm.ts";

/** A busy computer takes its time, a TPM 1.2 that makes its first keys most of all. */
const LIMIT = { timeout: 20_000 };

const STARTUP = "80010000000c000001440000";
const GET_RANDOM = "80010000000c0000017b0010";
const EXTEND = `80020000004100000182000000100000000940000009000000000000000001000b${"11".repeat(32)}`;
const READ_PCR_16 = "8001000000140000017e00000001000b03000001";
/** TPM2_CreatePrimary, RSA-2048: takes some tens of milliseconds. */
const RSA_KEY =
  "800200000043000001314000000100000009400000090000000000000400000000001a0001000b000304720000" +
  "00060080004300100800000000000000000000000000";

const bridges: TestBridge[] = [];
afterEach(async () => {
  for (const bridge of bridges.splice(0)) await bridge.stop();
});

async function start(options?: BridgeServerOptions): Promise<TestBridge> {
  const bridge = await startTestBridge(options);
  bridges.push(bridge);
  return bridge;
}

const run = async (backend: SwtpmBackend, hex: string) => toHex(await backend.deliver(0, fromHex(hex)));

async function openSession(url: string): Promise<SessionReply> {
  const response = await fetch(`${url}/sessions`, { method: "POST", body: '{"version":"2.0"}' });
  expect(response.status).toBe(201);
  return (await response.json()) as SessionReply;
}

function socket(
  url: string,
  path: string,
  options: { origin?: string; headers?: Record<string, string> } = {},
) {
  return new WebSocket(`${url.replace("http", "ws")}/${path}`, { ...options, perMessageDeflate: false });
}

async function opened(url: string, path: string): Promise<WebSocket> {
  const client = socket(url, path);
  await once(client, "open");
  return client;
}

/** The HTTP status and text with which a WebSocket is refused. */
async function refusal(client: WebSocket): Promise<[number, string]> {
  const [, response] = await once(client, "unexpected-response");
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return [response.statusCode, Buffer.concat(chunks).toString()];
}

/** Close code and reason. */
async function closed(client: WebSocket): Promise<[number, string]> {
  const [code, reason] = await once(client, "close");
  return [code, String(reason)];
}

describe("a session", LIMIT, () => {
  it.each(["2.0", "1.2"] as const)("gives a TPM %s", async (version) => {
    const { url, log } = await start();
    const backend = await startOverBridge(url, version);
    const startup = version === "2.0" ? STARTUP : "00c10000000c000000990001";
    expect((await run(backend, startup)).slice(12)).toBe("00000000");
    await backend.shutdown();
    await until(() => log.length === 2, "the end of the session");
    expect(log[0]).toMatch(
      new RegExp(`^session \\S{6} began: TPM ${version}, swtpm process \\d+, for 127.0.0.1$`),
    );
    expect(log[1]).toMatch(/^session \S{6} ended after \d s: /);
  });

  it("takes the state that its client brings, and gives it back", async () => {
    const { url } = await start();
    const first = await startOverBridge(url);
    await run(first, STARTUP);
    await run(first, EXTEND);
    const pcr = await run(first, READ_PCR_16);
    const state = await first.getState();
    await first.shutdown();
    const second = await startOverBridge(url, "2.0", state);
    expect((await run(second, READ_PCR_16)).slice(-64)).toBe(pcr.slice(-64));
    await second.shutdown();
  });

  it("is one of several at once, each with a TPM of its own; two bridges as well", async () => {
    const [one, two] = [await start(), await start()];
    const backends = await Promise.all([one, one, two].map(({ url }) => startOverBridge(url)));
    await Promise.all(backends.map((backend) => run(backend, STARTUP)));
    await run(backends[0]!, EXTEND);
    const pcrs = await Promise.all(backends.map((backend) => run(backend, READ_PCR_16)));
    expect(pcrs[0]!.slice(-64)).not.toBe("00".repeat(32));
    expect(pcrs.slice(1).map((pcr) => pcr.slice(-64))).toEqual(Array(2).fill("00".repeat(32)));
    expect([one.bridge.sessions, two.bridge.sessions]).toEqual([2, 1]);
    await Promise.all(backends.map((backend) => backend.shutdown()));
    await until(() => one.bridge.sessions + two.bridge.sessions === 0, "the end of the sessions");
  });

  it("ends with its client: no process and no session is left", async () => {
    const { url, bridge, pids, log } = await start();
    const session = await openSession(url);
    const control = await opened(url, session.control);
    const data = await opened(url, session.data);
    expect(pids().map(isAlive)).toEqual([true]);
    data.terminate();
    expect((await closed(control))[1]).toContain("the data channel was closed");
    await until(() => bridge.sessions === 0, "the end of the session");
    expect(pids().map(isAlive)).toEqual([false]);
    expect(log.at(-1)).toContain("the data channel was closed (1006)");
  });

  it("whose swtpm is killed tells its client at once and why", async () => {
    const { url, pids } = await start();
    const backend = await startOverBridge(url);
    const failures: Error[] = [];
    backend.onFailure = (error) => failures.push(error);
    await run(backend, STARTUP);
    const command = run(backend, RSA_KEY);
    // No limit of the client's is behind it: the message is that of swtpm's end.
    process.kill(pids()[0]!, "SIGKILL");
    await expect(command).rejects.toThrow("swtpm was killed by SIGKILL");
    expect(failures).toHaveLength(1);
  });

  it("goes to the very bridge that opened it, whatever is in front", async () => {
    const log: string[] = [];
    const direct = await start({ log: (line) => log.push(line), publicUrl: "http://localhost:1/elsewhere" });
    const { control, data, id } = await openSession(direct.url);
    expect([control, data]).toEqual([
      `http://localhost:1/elsewhere/${id}/control`,
      `http://localhost:1/elsewhere/${id}/data`,
    ]);
    // The client follows those URLs, not the one that it asked at.
    await expect(connectBridge(direct.url, { version: "2.0", WebSocket: NodeWebSocket })).rejects.toThrow(
      /cannot connect to ws:\/\/localhost:1\/elsewhere\//,
    );
  });

  it("ends with the bridge", async () => {
    const { url, bridge, pids } = await start();
    const backend = await startOverBridge(url);
    const failed = new Promise<Error>((resolve) => {
      backend.onFailure = resolve;
    });
    await bridge.close();
    expect((await failed).message).toContain("the bridge is being shut down");
    expect(pids().map(isAlive)).toEqual([false]);
  });

  it("ends when its channels are not opened in time, and after too long a silence", async () => {
    const unused = await start({ attachSeconds: 0.1 });
    await openSession(unused.url);
    await until(() => unused.bridge.sessions === 0, "the end of the unused session");
    expect(unused.log.at(-1)).toContain("its two channels were not opened in time");
    const idle = await start({ idleSeconds: 2, pulseSeconds: 0.05 });
    const session = await openSession(idle.url);
    const ends = [session.control, session.data].map((path) => closed(socket(idle.url, path)));
    for (const [, reason] of await Promise.all(ends)) expect(reason).toMatch(/no message for \d s/);
    await until(() => idle.bridge.sessions === 0, "the end of the idle session");
  });

  it("ends at once when its client gave up before it had begun", async () => {
    const own = ownSwtpm();
    let asked = 0;
    let goOn!: () => void;
    const gate = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const { url, bridge, server, log, pids } = await start({
      attachSeconds: 3600,
      source: {
        ...own,
        async open(version, user) {
          asked++;
          await gate;
          return own.open(version, user);
        },
      },
    });
    let gone = false;
    server.on("connection", (connection) =>
      connection.once("close", () => {
        gone = true;
      }),
    );
    const leave = new AbortController();
    const request = fetch(`${url}/sessions`, {
      method: "POST",
      body: '{"version":"2.0"}',
      signal: leave.signal,
    });
    await until(() => asked === 1, "the request");
    leave.abort();
    await expect(request).rejects.toThrow("aborted");
    await until(() => gone, "the end of the connection");
    expect(bridge.sessions).toBe(1);
    goOn();
    await until(() => log.some((line) => line.includes("ended")), "the end of the session");
    expect(log.at(-1)).toContain("its client had given up waiting");
    expect(bridge.sessions).toBe(0);
    expect(pids().map(isAlive)).toEqual([false]);
  });

  it("ends when its client's machine is gone without a word", async () => {
    const { url, bridge, log } = await start({ pulseSeconds: 0.1 });
    const session = await openSession(url);
    const control = await opened(url, session.control);
    let pings = 0;
    control.on("ping", () => pings++);
    await opened(url, session.data);
    await until(() => pings >= 3, "pings of the bridge");
    expect(bridge.sessions).toBe(1);
    // No answers to pings from now on, although the connection stands.
    control.pong = () => undefined;
    await until(() => bridge.sessions === 0, "the end of the session");
    expect(log.at(-1)).toContain("control channel's client does not answer any more");
  });
});

describe("the bridge refuses", LIMIT, () => {
  it("pages of other origins, and lets in those that were allowed", async () => {
    const { url, bridge, log } = await start({ origins: ["https://good.example"] });
    const post = (origin: string) =>
      fetch(`${url}/sessions`, { method: "POST", body: '{"version":"2.0"}', headers: { Origin: origin } });
    for (const origin of ["https://evil.example", "http://127.0.0.1:1", "http://localhost", "null"])
      expect([origin, (await post(origin)).status]).toEqual([origin, 403]);
    expect(log[0]).toMatch(
      /^refused POST \/tpm\/sessions from 127.0.0.1: pages of the origin https:\/\/evil/,
    );
    const good = await post("https://good.example");
    expect(good.headers.get("access-control-allow-origin")).toBe("https://good.example");
    expect((await post(new URL(url).origin)).status).toBe(201);
    const { id } = (await good.json()) as SessionReply;
    const before = bridge.sessions;
    const [status, words] = await refusal(socket(url, `${id}/data`, { origin: "https://evil.example" }));
    expect([status, words]).toEqual([403, expect.stringContaining("may not use this bridge")]);
    const friend = socket(url, `${id}/data`, { origin: "https://good.example" });
    await once(friend, "open");
    expect(bridge.sessions).toBe(before);
    friend.terminate();
  });

  it("what a browser asks for a foreign page, and grants it for an allowed one (CORS, private network)", async () => {
    const { url } = await start({ origins: ["https://good.example"] });
    const ask = (origin: string) =>
      fetch(`${url}/sessions`, {
        method: "OPTIONS",
        headers: { Origin: origin, "Access-Control-Request-Private-Network": "true" },
      });
    const good = await ask("https://good.example");
    expect(good.status).toBe(204);
    expect(good.headers.get("access-control-allow-headers")).toBe("Content-Type");
    expect(good.headers.get("access-control-allow-private-network")).toBe("true");
    const evil = await ask("https://evil.example");
    expect([evil.status, evil.headers.get("access-control-allow-origin")]).toEqual([403, null]);
  });

  it("names that could have been pointed at this machine (DNS rebinding)", async () => {
    const { url } = await start({ hosts: ["tpm.example"] });
    const status = (host: string) =>
      new Promise((resolve, reject) => {
        request(url, { headers: { Host: host, Origin: `http://${host}` } }, (response) =>
          resolve(response.resume().statusCode),
        )
          .on("error", reject)
          .end();
      });
    expect(await status("evil.example:80")).toBe(403);
    expect(await status("tpm.example:80")).toBe(200);
    expect(await status("localhost:5173")).toBe(200);
    expect(await status("[::1]:5173")).toBe(200);
  });

  it("a wrong id, a channel that there is not, and a second client", async () => {
    const { url, bridge, log } = await start();
    const { id } = await openSession(url);
    expect((await refusal(socket(url, `${"x".repeat(32)}/control`)))[0]).toBe(404);
    expect((await refusal(socket(url, `${id}/console`)))[0]).toBe(404);
    const first = await opened(url, `${id}/data`);
    const [status, words] = await refusal(socket(url, `${id}/data`));
    expect([status, words]).toEqual([409, expect.stringContaining("one client a session")]);
    expect(bridge.sessions).toBe(1);
    expect(log.filter((line) => line.startsWith("refused GET"))).toHaveLength(3);
    expect(log.join()).not.toContain(id);
    first.terminate();
  });

  it("more sessions than it has room for", async () => {
    const { url, bridge } = await start({ maxSessions: 2 });
    const attempts = await Promise.all(
      [1, 2, 3, 4].map(() => fetch(`${url}/sessions`, { method: "POST", body: '{"version":"1.2"}' })),
    );
    expect(attempts.map(({ status }) => status).sort()).toEqual([201, 201, 429, 429]);
    expect(bridge.sessions).toBe(2);
    await expect(connectBridge(url, { version: "2.0", WebSocket: NodeWebSocket })).rejects.toThrow(
      "all 2 sessions of this bridge are in use",
    );
  });

  it.each([
    ["without a body", "", 400],
    ["for a TPM that there is not", '{"version":"3.0"}', 400],
    ["with too large a body", "x".repeat(100_000), 413],
  ])("a request %s", async (_, body, status) => {
    const { url } = await start();
    expect((await fetch(`${url}/sessions`, { method: "POST", body })).status).toBe(status);
  });

  it("what it does not know", async () => {
    const { url } = await start();
    expect((await fetch(`${url}/other`)).status).toBe(404);
    expect((await fetch(`${url}/sessions`)).status).toBe(404);
    expect(await (await fetch(url.replace("/tpm", "/tpmx"))).text()).toBe("the page");
  });

  it.each([
    ["a part of a command", GET_RANDOM.slice(0, 12), 4000, "at least 10 bytes"],
    ["two commands in one message", GET_RANDOM + GET_RANDOM, 4000, "length field says 12"],
    ["a command longer than the limit", `8001000186a00000017b${"00".repeat(99_990)}`, 1009, ""],
  ])("%s on the data channel", async (_, hex, code, words) => {
    const { url, log, bridge } = await start();
    const { id } = await openSession(url);
    await opened(url, `${id}/control`);
    const data = await opened(url, `${id}/data`);
    data.send(fromHex(hex));
    const [actual, reason] = await closed(data);
    expect(actual).toBe(code);
    expect(reason).toContain(words);
    await until(() => bridge.sessions === 0, "the end of the session");
    expect(log.at(-1)).toContain(code === 1009 ? "Max payload size exceeded" : words);
  });

  it("a second command before the answer, and text", async () => {
    const { url } = await start();
    const first = await openSession(url);
    await opened(url, first.control);
    const data = await opened(url, first.data);
    data.send(fromHex(GET_RANDOM));
    data.send(fromHex(GET_RANDOM));
    expect(await closed(data)).toEqual([4000, "a second command came before the answer to the first"]);
    const second = await openSession(url);
    const control = await opened(url, second.control);
    control.send("hello");
    expect(await closed(control)).toEqual([4000, "text came on the control channel, which carries bytes"]);
  });
});

describe("looking for a bridge", LIMIT, () => {
  it("finds one, with what serves", async () => {
    const { url } = await start({ maxSessions: 3 });
    const probe = await probeBridge(url);
    expect(probe).toEqual({
      found: true,
      server: expect.stringMatching(/^swtpm \d/),
      sessions: 0,
      maxSessions: 3,
    });
  });

  it("finds none where swtpm is missing, where something else is, and where nothing is", async () => {
    const { url, server } = await start({ program: "no-such-swtpm" });
    expect(await probeBridge(url)).toEqual({
      found: false,
      reason: expect.stringContaining("apt-get install swtpm"),
    });
    expect(await probeBridge(url.replace("/tpm", "/"))).toEqual({
      found: false,
      reason: expect.stringContaining("is not a WebTPM bridge"),
    });
    await new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    });
    expect((await probeBridge(url)).found).toBe(false);
    await expect(connectBridge(url, { version: "2.0" })).rejects.toThrow("no bridge answers");
  });
});
