/** Permanent state that is kept elsewhere, with a real swtpm in each session and a keep that fails on demand. */

import { afterEach, describe, expect, it } from "vitest";
import { type NativeBackend, startNativeBackend } from "../node/bridge/native-backend.ts";
import { equalBytes, toHex } from "../protocol/bytes/hex.ts";
import { build, encodeCommand } from "../protocol/tpm2/index.ts";
import { commandCode, responseCode } from "../protocol/tpm2/parse.ts";
import { StateNotSavedError } from "./errors.ts";
import { OrderedTpm } from "./ordered.ts";
import type { BackendInfo, TpmKeep, TpmState } from "./port.ts";
import {
  counterIn,
  defineArea,
  defineCounter,
  definePlain,
  increment,
  readArea,
  readIndex,
  write,
  writeArea,
} from "./testing/nv-commands.ts";
import { startPolicySession } from "./testing/session-commands.ts";
import { WriteThroughBackend } from "./write-through.ts";

const open: NativeBackend[] = [];
afterEach(() => Promise.all(open.splice(0).map((native) => native.stop())));

/** What a browser's database would hold; slow, so that an answer that does not wait for it is found out. */
class SlowKeep implements TpmKeep {
  state: TpmState | undefined;
  saves = 0;
  problem: Error | undefined;
  async load(): Promise<TpmState | undefined> {
    return this.state;
  }
  async save(state: TpmState): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 20));
    if (this.problem) throw this.problem;
    this.state = structuredClone(state);
    this.saves++;
  }
}

async function session(keep: SlowKeep, version: BackendInfo["version"] = "2.0") {
  const kept = await keep.load();
  const native = await startNativeBackend({ version, ...(kept && { state: kept }) });
  open.push(native);
  const keeping = new WriteThroughBackend(native.backend, { keep, info: native.info, kept });
  await keeping.begin();
  const tpm = new OrderedTpm(keeping);
  const { stats } = keeping;
  const run = async (command: Uint8Array) => {
    let response = await tpm.deliver(0, command);
    // The first use of what the lockout protects is noted in NV, and then has to be asked for again.
    if (responseCode(response) === TPM_RC_RETRY) response = await tpm.deliver(0, command);
    return { response, code: responseCode(response) };
  };
  return { tpm, run, native, stats };
}

const TPM_RC_RETRY = 0x922;

/** The process is gone at once, and with it all that was not kept. */
const crash = (native: NativeBackend) => process.kill(native.swtpm.pid, "SIGKILL");

async function startedWithCounter(keep: SlowKeep) {
  const on = await session(keep);
  await on.run(build.TPM2_Startup());
  expect((await on.run(defineCounter())).code).toBe(0);
  return on;
}

describe("a TPM 2.0 whose state is kept", () => {
  it("is kept before anything was asked of it, and is the same TPM after a crash", async () => {
    const keep = new SlowKeep();
    const first = await session(keep);
    expect(keep.saves).toBe(1);
    crash(first.native);
    const second = await session(keep);
    expect(equalBytes((await second.tpm.getStateBlob("permanent")).bytes, keep.state!.permanent.bytes)).toBe(
      true,
    );
    expect(keep.saves).toBe(1);
  });

  it("answers a counter's increment when it is kept, so that no value that was read is lost", async () => {
    const keep = new SlowKeep();
    let on = await startedWithCounter(keep);
    let last = 0;
    for (let crashes = 0; crashes < 4; crashes++) {
      for (let i = 0; i < 3; i++) {
        const saves = keep.saves;
        expect((await on.run(increment())).code).toBe(0);
        expect(keep.saves).toBe(saves + 1);
        last = counterIn((await on.run(readIndex())).response);
      }
      // One more, that nobody sees the end of.
      on.tpm.deliver(0, increment()).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, crashes * 8));
      crash(on.native);
      on = await session(keep);
      await on.run(build.TPM2_Startup());
      const now = counterIn((await on.run(readIndex())).response);
      expect(now).toBeGreaterThanOrEqual(last);
      expect(now).toBeLessThanOrEqual(last + 1);
    }
  });

  it("ends when a save fails, without an answer; the next session begins from what was kept", async () => {
    const keep = new SlowKeep();
    const on = await startedWithCounter(keep);
    await on.run(increment());
    const before = counterIn((await on.run(readIndex())).response);
    const failures: Error[] = [];
    on.tpm.onFailure = (error) => failures.push(error);
    keep.problem = new Error("the disk is full");
    await expect(on.tpm.deliver(0, increment())).rejects.toThrow(StateNotSavedError);
    await expect(on.tpm.deliver(0, readIndex())).rejects.toThrow("could not be saved: the disk is full");
    expect(failures.map(({ name }) => name)).toEqual(["StateNotSavedError"]);
    keep.problem = undefined;
    const next = await session(keep);
    await next.run(build.TPM2_Startup());
    expect(counterIn((await next.run(readIndex())).response)).toBe(before);
  });

  it("keeps the failed attempts that the lockout counts, of a command without the attribute nv too", async () => {
    const keep = new SlowKeep();
    const on = await session(keep);
    await on.run(build.TPM2_Startup());
    await on.run(definePlain("aabb"));
    await on.run(write("0011223344556677", "aabb"));
    expect((await on.run(readIndex("aabb"))).code).toBe(0);
    const saves = keep.saves;
    expect((await on.run(readIndex("cc"))).code).toBe(0x98e);
    expect(keep.saves).toBe(saves + 1);
    crash(on.native);
    const next = await session(keep);
    await next.run(build.TPM2_Startup());
    const properties = await next.run(build.TPM2_GetCapability(6, 0x20e, 1));
    expect(toHex(properties.response.subarray(19))).toMatch(/^0000020e0000000[12]$/);
  });

  it("looks at the state only after commands that may change it, and these are all that do", async () => {
    const keep = new SlowKeep();
    const on = await startedWithCounter(keep);
    const harmless = [
      build.TPM2_GetRandom(16),
      build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [0, 1, 2] }]),
      build.TPM2_ReadClock(),
      build.TPM2_GetCapability(6, 0x100, 8),
      startPolicySession(),
      encodeCommand("HashSequenceStart", { parameters: { hashAlg: "SHA256" } }),
      encodeCommand("Hash", { parameters: { data: "aa", hashAlg: "SHA256", hierarchy: "NULL" } }),
      encodeCommand("NV_ReadPublic", { handles: { nvIndex: 0x0100_0001 } }),
    ];
    await on.run(increment());
    const kept = keep.state!.permanent.bytes;
    const looks = on.stats.looks;
    for (const command of harmless) {
      expect(`${commandCode(command)?.toString(16)}: ${(await on.run(command)).code}`).toMatch(/: 0$/);
      expect(on.stats.looks).toBe(looks);
    }
    expect(equalBytes((await on.tpm.getStateBlob("permanent")).bytes, kept)).toBe(true);
  });

  it("looks once at a series of extends, of whatever PCR, which change nothing that is kept", async () => {
    const keep = new SlowKeep();
    const on = await startedWithCounter(keep);
    await on.run(increment());
    const kept = keep.state!.permanent.bytes;
    const { looks } = on.stats;
    for (let pcr = 0; pcr < 24; pcr++) {
      const digests = ["sha1", "sha256"].map((algorithm) => ({
        algorithm,
        digest: new Uint8Array(algorithm === "sha1" ? 20 : 32).fill(pcr + 1),
      }));
      const { code } = await on.run(build.TPM2_PCR_Extend(pcr, digests));
      // 17 to 22 belong to other localities, which is no matter of authorization.
      expect(code).toBe(pcr >= 17 && pcr <= 22 ? 0x907 : 0);
      expect(equalBytes((await on.tpm.getStateBlob("permanent")).bytes, kept)).toBe(true);
    }
    expect(on.stats.looks).toBeLessThan(looks + 16);
    await on.run(increment());
    const before = on.stats.looks;
    const extend = build.TPM2_PCR_Extend(0, [{ algorithm: "sha256", digest: new Uint8Array(32) }]);
    await on.run(extend);
    expect(on.stats.looks).toBe(before + 1);
    await on.run(extend);
    await on.run(extend);
    expect(on.stats.looks).toBe(before + 1);
  });

  it("keeps what TPM2_Shutdown(STATE) kept, and not beyond the next change", async () => {
    const keep = new SlowKeep();
    const on = await startedWithCounter(keep);
    const extend = build.TPM2_PCR_Extend(0, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(7) }]);
    const pcr0 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [0] }]);
    await on.run(extend);
    const value = toHex((await on.run(pcr0)).response.subarray(-32));
    expect((await on.run(build.TPM2_Shutdown("STATE"))).code).toBe(0);
    crash(on.native);
    const resumed = await session(keep);
    expect((await resumed.run(build.TPM2_Startup("STATE"))).code).toBe(0);
    expect(toHex((await resumed.run(pcr0)).response.subarray(-32))).toBe(value);
    await resumed.run(build.TPM2_Shutdown("STATE"));
    await resumed.run(extend);
    crash(resumed.native);
    const late = await session(keep);
    // TPM_RC_VALUE: nothing to resume. PCRs from before the extend would be a lie.
    expect((await late.run(build.TPM2_Startup("STATE"))).code).toBe(0x1c4);
  });
});

describe("a TPM 1.2 whose state is kept", () => {
  it("keeps what was written to an NV area, and what TPM_SaveState kept", async () => {
    const keep = new SlowKeep();
    const on = await session(keep, "1.2");
    expect((await on.run(build.TPM_Startup())).code).toBe(0);
    expect((await on.run(encodePresence(0x0020))).code).toBe(0);
    expect((await on.run(encodePresence(0x0008))).code).toBe(0);
    expect((await on.run(defineArea())).code).toBe(0);
    expect((await on.run(writeArea("1122334455667788"))).code).toBe(0);
    await on.run(build.TPM_Extend(3, new Uint8Array(20).fill(5)));
    const pcr = toHex((await on.run(build.TPM_PCRRead(3))).response);
    const { looks } = on.stats;
    await on.run(build.TPM_GetRandom(8));
    expect(on.stats.looks).toBe(looks);
    expect((await on.run(SAVE_STATE)).code).toBe(0);
    expect(keep.state!.savestate.bytes.length).toBeGreaterThan(100);
    crash(on.native);
    const next = await session(keep, "1.2");
    expect((await next.run(build.TPM_Startup("STATE"))).code).toBe(0);
    expect(toHex((await next.run(build.TPM_PCRRead(3))).response)).toBe(pcr);
    expect(toHex((await next.run(readArea())).response)).toContain("1122334455667788");
  });
});

/** TPM_SaveState, and TSC_PhysicalPresence with these flags. */
const SAVE_STATE = Uint8Array.of(0, 0xc1, 0, 0, 0, 10, 0, 0, 0, 0x98);
const encodePresence = (flags: number) =>
  Uint8Array.of(0, 0xc1, 0, 0, 0, 12, 0x40, 0, 0, 0x0a, flags >> 8, flags);
