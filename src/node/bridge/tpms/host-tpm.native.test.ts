/** This host's TPM behind the bridge, where a pseudoterminal in front of a real swtpm stands for its device. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { SwtpmBackend } from "../../../backend/swtpm-backend.ts";
import { connectBridge } from "../../../backend/websocket.ts";
import { fromHex, toHex } from "../../../protocol/bytes/hex.ts";
import { build } from "../../../protocol/tpm2/index.ts";
import { responseCode } from "../../../protocol/tpm2/parse.ts";
import { createBridge } from "../bridge.ts";
import { listenSwtpm } from "../swtpm-listening.ts";
import type { SwtpmProcess } from "../swtpm-process.ts";
import { NodeWebSocket, startTestBridge, type TestBridge, until } from "../test-server.ts";
import { findCancelPath, type HostTpmOptions, hostTpm } from "./host-tpm.ts";

const LIMIT = { timeout: 30_000 };
const ORIGINS = ["https://example.org"];
/** TPM2_CreatePrimary: a storage key on the curve P-256, of the owner's hierarchy. */
const PRIMARY =
  "800200000043000001314000000100000009400000090000000000000400000000" +
  "001a0023000b00030472000000060080004300100003001000000000000000000000";

const children: ChildProcess[] = [];
const swtpms: SwtpmProcess[] = [];
const bridges: TestBridge[] = [];
const folders: string[] = [];
afterEach(async () => {
  await Promise.all(bridges.splice(0).map((bridge) => bridge.stop()));
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await Promise.all(swtpms.splice(0).map((swtpm) => swtpm.stop()));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "webtpm-host-tpm-"));
  folders.push(path);
  return path;
}

/** A started TPM as a device of this name. */
async function device(name: string, version: "2.0" | "1.2" = "2.0"): Promise<string> {
  const swtpm = await listenSwtpm({ version, args: ["--flags", "not-need-init,startup-clear"] });
  swtpms.push(swtpm);
  const child = spawn(
    "python3",
    [join(import.meta.dirname, "testing/terminal-tpm.py"), String(swtpm.dataPort)],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  children.push(child);
  const [terminal] = await once(child.stdout, "data");
  const path = join(folder(), name);
  symlinkSync(String(terminal).trim(), path);
  return path;
}

async function bridgeTo(options: HostTpmOptions): Promise<TestBridge> {
  const bridge = await startTestBridge({ source: hostTpm(options), origins: ORIGINS });
  bridges.push(bridge);
  return bridge;
}

async function session(url: string, version: "2.0" | "1.2" = "2.0") {
  const { channels, ...rest } = await connectBridge(url, { version, WebSocket: NodeWebSocket });
  const backend = new SwtpmBackend(channels, { version, ...rest });
  return { backend, info: await backend.start() };
}

const run = async (backend: SwtpmBackend, command: Uint8Array | string) =>
  backend.deliver(0, typeof command === "string" ? fromHex(command) : command);

describe("the TPM of this host", LIMIT, () => {
  it("runs commands, and says in words what it cannot", async () => {
    const { url } = await bridgeTo({ path: await device("tpmrm0") });
    const { backend, info } = await session(url);
    expect(info.capabilities).toEqual({
      state: false,
      reset: false,
      cancel: false,
      locality: false,
      hash: false,
    });
    expect(info.description).toMatch(/^the TPM of this host at \S+\/tpmrm0 \(id:49424D00\), firmware/);
    expect(responseCode(await run(backend, build.TPM2_GetRandom(8)))).toBe(0);
    expect(responseCode(await run(backend, build.TPM2_Startup()))).toBe(0x100);
    await expect(backend.getState()).rejects.toThrow("cannot give its state");
    await backend.shutdown();
  });

  it("refuses what could harm its owner with a TPM's error, and logs it", async () => {
    const { url, log } = await bridgeTo({ path: await device("tpmrm0") });
    const { backend } = await session(url);
    const clear = "80020000001b00000126 4000000a 00000009 40000009 0000 00 0000".replaceAll(" ", "");
    expect(toHex(await run(backend, clear))).toBe("80010000000a00000143");
    const extend = build.TPM2_PCR_Extend(7, [{ algorithm: "sha256", digest: new Uint8Array(32) }]);
    expect(responseCode(await run(backend, extend))).toBe(0x143);
    expect(log.filter((line) => line.startsWith("refused"))).toEqual([
      expect.stringMatching(
        /^refused TPM2_Clear on \S+: it is not among what is allowed here \(from 127\.0\.0\.1\)$/,
      ),
      expect.stringMatching(/^refused TPM2_PCR_Extend on /),
    ]);
    // It goes on.
    expect(responseCode(await run(backend, build.TPM2_GetRandom(8)))).toBe(0);
    await backend.shutdown();
  });

  it("serves one page at a time, and says who has it", async () => {
    const { url, bridge } = await bridgeTo({ path: await device("tpmrm0") });
    const { backend } = await session(url);
    await expect(session(url)).rejects.toMatchObject({
      status: 409,
      message: expect.stringMatching(/^the TPM of this host at \S+ is in use by 127\.0\.0\.1/),
    });
    await backend.shutdown();
    await until(() => bridge.sessions === 0, "the end of the session");
    const next = await session(url);
    await next.backend.shutdown();
  });

  it("is left as it was found where no resource manager tidies up", async () => {
    const { url, bridge } = await bridgeTo({ path: await device("tpm0") });
    for (let time = 0; time < 5; time++) {
      // Three objects fill a TPM.
      const { backend } = await session(url);
      for (let object = 0; object < 3; object++) expect(responseCode(await run(backend, PRIMARY))).toBe(0);
      expect(responseCode(await run(backend, PRIMARY))).toBe(0x902);
      await backend.shutdown();
      await until(() => bridge.sessions === 0, "the end of the session");
    }
  });

  it("is told to cancel through the kernel's file", async () => {
    const cancelPath = join(folder(), "cancel");
    writeFileSync(cancelPath, "");
    const { url } = await bridgeTo({ path: await device("tpm0", "1.2"), cancelPath });
    const { backend, info } = await session(url, "1.2");
    expect(info.capabilities).toMatchObject({ cancel: true });
    const cancel = new AbortController();
    const answer = backend.deliver(0, build.TPM_SelfTestFull(), { signal: cancel.signal });
    cancel.abort();
    expect(responseCode(await answer)).toBe(0);
    await until(() => readFileSync(cancelPath, "utf8") === "-", "the kernel's file");
    await backend.shutdown();
  });

  it("is not there, or of the other family: in words", async () => {
    await expect(session((await bridgeTo({ path: "/dev/no-such-tpm" })).url)).rejects.toThrow(
      "there is no TPM at /dev/no-such-tpm",
    );
    const { url } = await bridgeTo({ path: await device("tpmrm0") });
    await expect(session(url, "1.2")).rejects.toThrow("is a TPM 2.0; TPM 1.2 was asked for");
  });
});

it("pages have to be named", () => {
  for (const origins of [[], ["*"], ["https://example.org", "*"]])
    expect(() => createBridge({ source: hostTpm(), origins })).toThrow("name the origin of each page");
});

it("finds the kernel's file for cancelling, in its new and old places", () => {
  const root = folder();
  expect(findCancelPath("/dev/tpm3", root)).toBeUndefined();
  for (const place of ["misc/tpm3/device", "tpm/tpm3/device", "tpm/tpm3"]) {
    mkdirSync(join(root, place), { recursive: true });
    writeFileSync(join(root, place, "cancel"), "");
    expect(findCancelPath("/dev/tpmrm3", root)).toBe(join(root, place, "cancel"));
  }
});
