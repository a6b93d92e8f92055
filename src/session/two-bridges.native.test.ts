/** A TPM whose bridge is lost, with another bridge to go on at: real bridges, a real swtpm behind each. */

import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { counterIn, defineCounter, increment, readIndex } from "../backend/testing/nv-commands.ts";
import { startPolicySession } from "../backend/testing/session-commands.ts";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import { NodeWebSocket, startTestBridge, type TestBridge, until } from "../node/bridge/test-server.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build, encodeCommand } from "../protocol/tpm2/index.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import { TestBus } from "./testing.ts";
import { attachTpm, type Tpm, type TpmAttachOptions } from "./tpm.ts";

const tpms: Tpm[] = [];
const bridges: TestBridge[] = [];
beforeAll(() => {
  globalThis.WebSocket ??= NodeWebSocket as unknown as typeof WebSocket;
});
afterEach(async () => {
  await Promise.all(tpms.splice(0).map((tpm) => tpm.close()));
  await Promise.all(bridges.splice(0).map((bridge) => bridge.stop()));
});

async function twoBridges(options: TpmAttachOptions = {}) {
  const pair = [await startTestBridge(), await startTestBridge()] as const;
  bridges.push(...pair);
  const tpm = attachTpm(new TestBus(), { bridge: pair.map(({ url }) => url), ...options });
  tpms.push(tpm);
  await tpm.ready;
  const notices: string[] = [];
  tpm.on("notice", (message) => notices.push(message));
  return { tpm, pair, notices };
}

/** As a power cut at the bridge's host: no goodbye, and swtpm is gone. */
async function kill(bridge: TestBridge): Promise<void> {
  for (const pid of bridge.pids()) process.kill(pid, "SIGKILL");
  await bridge.stop();
}

async function ok(tpm: Tpm, command: Uint8Array): Promise<Uint8Array> {
  const response = await tpm.command(command);
  expect(responseCode(response)).toBe(0);
  return response;
}

const EXTEND = build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(9) }]);
const PCR16 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [16] }]);
const START_SESSION = startPolicySession();
/** TPM2_PolicyGetDigest of the first policy session, and TPM2_PolicyCommandCode, which changes that. */
const DIGEST = encodeCommand("PolicyGetDigest", { handles: { policySession: 0x0300_0000 } });
const POLICY = encodeCommand("PolicyCommandCode", {
  handles: { policySession: 0x0300_0000 },
  parameters: { code: "NV_Read" },
});
const SEQUENCE = encodeCommand("HashSequenceStart", { parameters: { hashAlg: "SHA256" } });
const OBJECTS = build.TPM2_GetCapability(1, 0x8000_0000, 4);

const put = (tpm: Tpm, { offset }: { offset: number }, value: number) =>
  tpm.write(TIS_BASE + offset, 1, value);

function guestSends(tpm: Tpm, command: Uint8Array): void {
  put(tpm, REGISTERS.ACCESS, ACCESS.REQUEST_USE);
  put(tpm, REGISTERS.STS, STS.COMMAND_READY);
  for (const byte of command) put(tpm, REGISTERS.DATA_FIFO, byte);
  put(tpm, REGISTERS.STS, STS.TPM_GO);
}

async function guestReceives(tpm: Tpm): Promise<Uint8Array> {
  const status = () => tpm.read(TIS_BASE + REGISTERS.STS.offset, 4);
  await until(() => (status() & STS.DATA_AVAIL) !== 0, "the response");
  const bytes: number[] = [];
  while (status() & STS.DATA_AVAIL) bytes.push(tpm.read(TIS_BASE + REGISTERS.DATA_FIFO.offset, 1));
  put(tpm, REGISTERS.STS, STS.COMMAND_READY);
  put(tpm, REGISTERS.ACCESS, ACCESS.ACTIVE_LOCALITY);
  return Uint8Array.from(bytes);
}

describe("a TPM with two bridges", () => {
  it("goes on at the other one with PCRs, counters, sessions and objects, whether it was at work or idle", async () => {
    const { tpm, pair, notices } = await twoBridges();
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, EXTEND);
    await ok(tpm, defineCounter());
    await ok(tpm, increment());
    const counted = counterIn(await ok(tpm, readIndex()));
    await ok(tpm, START_SESSION);
    await ok(tpm, POLICY);
    await ok(tpm, SEQUENCE);
    const [pcr, digest, objects] = [await ok(tpm, PCR16), await ok(tpm, DIGEST), await ok(tpm, OBJECTS)].map(
      toHex,
    );

    // In the middle of an increment that the TPM never comes to answer.
    const [pid] = pair[0].pids();
    process.kill(pid!, "SIGSTOP");
    guestSends(tpm, increment());
    await new Promise((resolve) => setTimeout(resolve, 30));
    await kill(pair[0]);
    expect(responseCode(await guestReceives(tpm))).toBe(0);
    expect(counterIn(await ok(tpm, readIndex()))).toBe(counted + 1);
    expect([await ok(tpm, PCR16), await ok(tpm, DIGEST), await ok(tpm, OBJECTS)].map(toHex)).toEqual([
      pcr,
      digest,
      objects,
    ]);
    expect(tpm.status).toMatchObject({ phase: "ready", version: "2.0" });
    expect(tpm.status.backendLabel).toContain(new URL(pair[1].url).host);
    expect(notices).toHaveLength(2);
    expect(notices[0]).toContain(new URL(pair[0].url).host);
    expect(notices[1]).toMatch(/^The TPM goes on as it was, with swtpm .*; \d+ commands were run again/);

    // And once more, to a session of the bridge that is left, with nothing under way.
    process.kill(pair[1].pids()[0]!, "SIGKILL");
    expect(toHex(await ok(tpm, PCR16))).toBe(pcr);
    expect(counterIn(await ok(tpm, readIndex()))).toBe(counted + 1);
    expect(notices).toHaveLength(4);
  });

  it("goes on with the state as it was fetched, after a pause, without running anything again", async () => {
    const { tpm, pair, notices } = await twoBridges();
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, EXTEND);
    const pcr = toHex(await ok(tpm, PCR16));
    await new Promise((resolve) => setTimeout(resolve, 700));
    await kill(pair[0]);
    expect(toHex(await ok(tpm, PCR16))).toBe(pcr);
    expect(notices.at(-1)).toMatch(/; 0 commands were run again/);
  });

  it("a TPM 1.2 goes on too", async () => {
    const { tpm, pair } = await twoBridges({ version: "1.2" });
    await ok(tpm, build.TPM_Startup());
    await ok(tpm, build.TPM_Extend(16, new Uint8Array(20).fill(3)));
    const pcr = toHex(await ok(tpm, build.TPM_PCRRead(16)));
    await kill(pair[0]);
    expect(toHex(await ok(tpm, build.TPM_PCRRead(16)))).toBe(pcr);
  });

  it("starts at the one that answers", async () => {
    const gone = await startTestBridge();
    await gone.stop();
    const there = await startTestBridge();
    bridges.push(there);
    const tpm = attachTpm(new TestBus(), { bridge: [gone.url, there.url] });
    tpms.push(tpm);
    await tpm.ready;
    expect(tpm.status.backendLabel).toContain(new URL(there.url).host);
  });
});
