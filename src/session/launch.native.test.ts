/** A dynamic launch with a real swtpm, behind a bridge: what is measured, and what the establishment flag shows. */
import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { HARDWARE_LOCALITY, launch } from "../device/tis/launch.ts";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, LAUNCH_REGISTERS, REGISTERS, STS } from "../device/tis/registers.ts";
import { NodeWebSocket, startTestBridge, type TestBridge } from "../node/bridge/test-server.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build } from "../protocol/tpm2/index.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import { deviceWorker } from "../worker/testing/thread-worker.ts";
import { TestBus } from "./testing.ts";
import { attachTpm, type Tpm } from "./tpm.ts";

const createWorker = () => deviceWorker({ webSocket: import.meta.resolve("../node/bridge/test-server.ts") });
let bridge: TestBridge;
const tpms: Tpm[] = [];
beforeEach(async () => {
  bridge = await startTestBridge();
});
afterEach(async () => {
  await Promise.all(tpms.splice(0).map((tpm) => tpm.close()));
  await bridge.stop();
  vi.unstubAllGlobals();
});

/** TPM_Startup(ST_CLEAR). */
const STARTUP12 = Uint8Array.of(0x00, 0xc1, 0, 0, 0, 12, 0, 0, 0, 0x99, 0, 1);
const DATA = new TextEncoder().encode("the code that a processor would measure");

async function make(placement: "worker" | "local", version: "2.0" | "1.2" = "2.0"): Promise<Tpm> {
  if (placement === "worker") vi.stubGlobal("Worker", class {});
  else vi.stubGlobal("WebSocket", NodeWebSocket);
  const tpm = attachTpm(new TestBus(), { placement, createWorker, bridge: bridge.url, version });
  tpms.push(tpm);
  await tpm.ready;
  const startup = version === "2.0" ? build.TPM2_Startup() : STARTUP12;
  expect(responseCode(await tpm.command(startup))).toBe(0);
  return tpm;
}

const at = ({ offset }: { offset: number }, locality: number) => TIS_BASE + locality * 0x1000 + offset;
/** The bit is inverted. */
const established = (tpm: Tpm) => (tpm.read(at(REGISTERS.ACCESS, 0), 1) & ACCESS.ESTABLISHMENT) === 0;

/** PCRs by bank and index, in hex. */
async function pcrs(tpm: Tpm, indices: readonly number[]): Promise<Record<string, string[]>> {
  const banks = await tpm.pcrs();
  return Object.fromEntries(
    banks.map(({ algorithm, values }) => [algorithm, indices.map((index) => toHex(values[index]!))]),
  );
}

/** What a launch leaves in PCR 17 of a bank. */
function expected(algorithm: string, data: Uint8Array): string {
  const hash = (...parts: Uint8Array[]) =>
    parts.reduce((state, part) => state.update(part), createHash(algorithm)).digest();
  const digest = hash(data);
  return toHex(hash(new Uint8Array(digest.length), digest));
}

describe.each(["worker", "local"] as const)("a dynamic launch, placement %s", (placement) => {
  it("measures what was sent into PCR 17 of each bank, and sets the establishment flag", async () => {
    const tpm = await make(placement);
    const before = await pcrs(tpm, [17, 18, 22, 16]);
    expect(before.sha256?.[0]).toBe("ff".repeat(32));
    expect(established(tpm)).toBe(false);
    launch(tpm, DATA);
    await expect.poll(() => established(tpm)).toBe(true);
    const after = await pcrs(tpm, [17, 18, 22, 16]);
    expect(Object.keys(after)).toEqual(["sha1", "sha256", "sha384", "sha512"]);
    for (const [algorithm, values] of Object.entries(after)) {
      const zeros = "00".repeat(before[algorithm]![0]!.length / 2);
      expect(values).toEqual([expected(algorithm, DATA), zeros, zeros, before[algorithm]![3]]);
    }

    // Four bytes at a time are the same bytes.
    tpm.write(at(LAUNCH_REGISTERS.HASH_START, HARDWARE_LOCALITY), 4, 0);
    tpm.write(at(LAUNCH_REGISTERS.HASH_DATA, HARDWARE_LOCALITY), 4, 0x0403_0201);
    tpm.write(at(LAUNCH_REGISTERS.HASH_END, HARDWARE_LOCALITY), 4, 0);
    await expect
      .poll(async () => (await pcrs(tpm, [17])).sha256)
      .toEqual([expected("sha256", Uint8Array.of(1, 2, 3, 4))]);
  });

  it("changes nothing at a wrong locality, or while another one has the TPM", async () => {
    const tpm = await make(placement);
    const all = Array.from({ length: 24 }, (_, index) => index);
    const before = await pcrs(tpm, all);
    for (const locality of [0, 1, 2, 3]) {
      for (const register of Object.values(LAUNCH_REGISTERS)) tpm.write(at(register, locality), 1, 1);
    }
    tpm.write(at(REGISTERS.ACCESS, 1), 1, ACCESS.REQUEST_USE);
    launch(tpm, DATA);
    tpm.write(at(REGISTERS.ACCESS, 1), 1, ACCESS.ACTIVE_LOCALITY);
    expect(await pcrs(tpm, all)).toEqual(before);
    expect(established(tpm)).toBe(false);
  });

  it("is forgotten by the flag when locality 3 says so, and not when locality 2 does", async () => {
    const tpm = await make(placement);
    launch(tpm, DATA);
    await expect.poll(() => established(tpm)).toBe(true);
    const resetFrom = (locality: number) => {
      tpm.write(at(REGISTERS.ACCESS, locality), 1, ACCESS.REQUEST_USE);
      tpm.write(at(REGISTERS.STS, locality), 4, STS.RESET_ESTABLISHMENT);
      tpm.write(at(REGISTERS.ACCESS, locality), 1, ACCESS.ACTIVE_LOCALITY);
    };
    resetFrom(2);
    await tpm.pcrs();
    expect(established(tpm)).toBe(true);
    resetFrom(3);
    await expect.poll(() => established(tpm)).toBe(false);
    // PCR 17 stays.
    expect((await pcrs(tpm, [17])).sha256).toEqual([expected("sha256", DATA)]);
  });
});

it("a dynamic launch with a TPM 1.2 measures into its one bank", async () => {
  const tpm = await make("local", "1.2");
  launch(tpm, DATA);
  await expect.poll(() => established(tpm)).toBe(true);
  expect((await pcrs(tpm, [17])).sha1).toEqual([expected("sha1", DATA)]);
});
