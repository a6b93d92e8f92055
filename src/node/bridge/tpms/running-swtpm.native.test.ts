/** swtpms that run already, behind the bridge: with and without their control channel, over both kinds of sockets. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { TpmUnableError } from "../../../backend/errors.ts";
import { SwtpmBackend } from "../../../backend/swtpm-backend.ts";
import { connectBridge, probeBridge } from "../../../backend/websocket.ts";
import { fromHex, toHex } from "../../../protocol/bytes/hex.ts";
import { build } from "../../../protocol/tpm2/index.ts";
import { responseCode } from "../../../protocol/tpm2/parse.ts";
import { listenSwtpm } from "../swtpm-listening.ts";
import { type SwtpmProcess, superviseSwtpm, swtpmArguments } from "../swtpm-process.ts";
import { isAlive, NodeWebSocket, startTestBridge, type TestBridge, until } from "../test-server.ts";
import { parseRunningSwtpm, type RunningSwtpm, runningSwtpms } from "./running-swtpm.ts";

const LIMIT = { timeout: 30_000 };
const EXTEND = build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(9) }]);
const PCR16 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [16] }]);
const ZERO = "00".repeat(32);

const swtpms: SwtpmProcess[] = [];
const bridges: TestBridge[] = [];
const backends: SwtpmBackend[] = [];
afterEach(async () => {
  await Promise.all(backends.splice(0).map((backend) => backend.shutdown()));
  await Promise.all(bridges.splice(0).map((bridge) => bridge.stop()));
  await Promise.all(swtpms.splice(0).map((swtpm) => swtpm.stop()));
});

/** With two Unix sockets. */
async function unixSwtpm(...args: string[]): Promise<SwtpmProcess & Required<RunningSwtpm>> {
  const folder = mkdtempSync(join(tmpdir(), "webtpm-running-"));
  const [data, control] = [join(folder, "data"), join(folder, "control")];
  const child = spawn(
    "swtpm",
    [
      ...swtpmArguments("2.0", folder),
      ...["--server", `type=unixio,path=${data}`, "--ctrl", `type=unixio,path=${control}`, ...args],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const swtpm = superviseSwtpm(child, "2.0", folder, true);
  swtpms.push(swtpm);
  await until(() => existsSync(data) && existsSync(control), "swtpm's sockets");
  return { ...swtpm, data: `unix:${data}`, control: `unix:${control}` };
}

async function tcpSwtpm(...args: string[]): Promise<SwtpmProcess & Required<RunningSwtpm>> {
  const swtpm = await listenSwtpm({ version: "2.0", args });
  swtpms.push(swtpm);
  return {
    ...swtpm,
    data: `tcp:127.0.0.1:${swtpm.dataPort}`,
    control: `tcp:127.0.0.1:${swtpm.controlPort}`,
  };
}

async function bridgeTo(...places: RunningSwtpm[]): Promise<TestBridge> {
  const bridge = await startTestBridge({ source: runningSwtpms(places) });
  bridges.push(bridge);
  return bridge;
}

async function session(url: string, version: "2.0" | "1.2" = "2.0") {
  const { channels, ...rest } = await connectBridge(url, { version, WebSocket: NodeWebSocket });
  const backend = new SwtpmBackend(channels, { version, ...rest });
  backends.push(backend);
  return { backend, info: await backend.start() };
}

const run = (backend: SwtpmBackend, command: Uint8Array) => backend.deliver(0, command);
const pcr16 = async (backend: SwtpmBackend) => toHex((await run(backend, PCR16)).slice(-32));

describe("an swtpm that runs already", LIMIT, () => {
  it.each([
    ["Unix sockets", unixSwtpm],
    ["TCP", tcpSwtpm],
  ])("with its control channel over %s is as one of our own, and goes on after us", async (_, start) => {
    const swtpm = await start();
    const { url, log } = await bridgeTo(swtpm);
    const first = await session(url);
    expect(first.info.capabilities).toMatchObject({ state: true, reset: true, locality: true, hash: true });
    expect(first.info.description).toContain(`the TPM at ${swtpm.data}`);
    await run(first.backend, build.TPM2_Startup());
    await run(first.backend, EXTEND);
    expect(await pcr16(first.backend)).not.toBe(ZERO);
    const state = await first.backend.getState();
    await first.backend.shutdown();
    await until(() => log.some((line) => line.includes("ended")), "the end of the session");
    expect(isAlive(swtpm.pid)).toBe(true);
    const second = await session(url);
    await second.backend.reset(state);
    expect(await pcr16(second.backend)).not.toBe(ZERO);
    await second.backend.reset();
    await run(second.backend, build.TPM2_Startup());
    expect(await pcr16(second.backend)).toBe(ZERO);
  });

  it.each([
    ["Unix sockets", unixSwtpm],
    ["TCP", tcpSwtpm],
  ])("without its control channel over %s is taken as it is", async (_, start) => {
    const { data, pid } = await start("--flags", "not-need-init,startup-clear");
    const { url, log } = await bridgeTo({ data });
    const { backend, info } = await session(url);
    expect(info.capabilities).toEqual({
      state: false,
      reset: false,
      cancel: false,
      locality: false,
      hash: false,
    });
    expect(info).toMatchObject({ bufferSize: 4096, description: expect.stringContaining("id:49424D00") });
    // Started before us.
    expect(responseCode(await run(backend, build.TPM2_Startup()))).toBe(0x100);
    expect(responseCode(await run(backend, EXTEND))).toBe(0);
    const extended = await pcr16(backend);
    await expect(backend.deliver(3, PCR16)).rejects.toThrow(TpmUnableError);
    await expect(backend.getState()).rejects.toThrow("cannot give its state");
    await backend.shutdown();
    await until(() => log.some((line) => line.includes("ended")), "the end of the session");
    expect(isAlive(pid)).toBe(true);
    expect(await pcr16((await session(url)).backend)).toBe(extended);
  });

  it("that nobody has powered on is refused without its control channel, and powered on with it", async () => {
    const { data, control } = await tcpSwtpm();
    await expect(session((await bridgeTo({ data })).url)).rejects.toThrow("is not powered on");
    const { backend } = await session((await bridgeTo({ data, control })).url);
    expect(responseCode(await run(backend, build.TPM2_Startup()))).toBe(0);
  });

  it("serves one session each, and says who has them", async () => {
    const [first, second] = [await unixSwtpm(), await tcpSwtpm()];
    const { url } = await bridgeTo(first, second);
    expect(await probeBridge(url)).toMatchObject({ found: true, maxSessions: 2 });
    const one = await session(url);
    const two = await session(url);
    await expect(session(url)).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining(`the TPM at ${second.data} by 127.0.0.1`),
    });
    await two.backend.shutdown();
    await until(() => bridges.at(-1)?.bridge.sessions === 1, "the end of the session");
    expect((await session(url)).info.description).toContain(second.data);
    expect(await pcr16(one.backend)).toBeDefined();
  });

  it("ends its session when it ends, and cannot be ended by a page", async () => {
    const swtpm = await unixSwtpm();
    const { url, log } = await bridgeTo(swtpm);
    const { channels } = await connectBridge(url, { version: "2.0", WebSocket: NodeWebSocket });
    let answer = "";
    channels.control.onData = (bytes) => {
      answer += toHex(bytes);
    };
    channels.control.send(fromHex("00000003"));
    await until(() => answer !== "", "the answer to CMD_SHUTDOWN");
    expect(answer).toBe("0000000a");
    await swtpm.stop();
    await until(
      () => log.some((line) => line.includes("has closed the connection, or has ended")),
      "its end",
    );
  });

  it("of the other family is refused in words, and so is one that is not there", async () => {
    const { url } = await bridgeTo(await tcpSwtpm());
    await expect(session(url, "1.2")).rejects.toThrow("is a TPM 2.0; TPM 1.2 was asked for");
    await expect(session((await bridgeTo({ data: "unix:/nowhere/tpm" })).url)).rejects.toThrow(
      "cannot connect to unix:/nowhere/tpm",
    );
  });
});

it.each([
  ["tcp:127.0.0.1", "an address is unix:/path or tcp:host:port"],
  ["tcp:127.0.0.1:0", "an address is"],
  ["tcp:127.0.0.1:65536", "an address is"],
  ["unix:", "an address is"],
  ["unix:/a,unix:/b,unix:/c", "two addresses at most"],
])("an address like %s is refused", (text, words) => {
  expect(() => parseRunningSwtpm(text)).toThrow(words);
});
