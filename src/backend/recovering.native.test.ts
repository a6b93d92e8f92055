/** A TPM that outlives its places, and what ends that; real swtpm processes. Over bridges: `session/two-bridges.native.test.ts`. */
import { afterEach, describe, expect, it } from "vitest";
import { type NativeBackend, startNativeBackend } from "../node/bridge/native-backend.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build, encodeCommand } from "../protocol/tpm2/index.ts";
import { OrderedTpm } from "./ordered.ts";
import type { TpmState } from "./port.ts";
import { RecoveringBackend, type RecoveryLimits, TpmLostError } from "./recovering.ts";
import { repeatability } from "./repeatable.ts";
import { definePlain, readIndex } from "./testing/nv-commands.ts";

const open: NativeBackend[] = [];
afterEach(() => Promise.all(open.splice(0).map((native) => native.stop())));

const QUICK: Partial<RecoveryLimits> = { search: 300, pause: 20, quiet: 60_000 };

async function place(state?: TpmState) {
  const native = await startNativeBackend(state ? { state } : {});
  open.push(native);
  return { ...native, label: `swtpm ${open.length}` };
}

async function recovering(reopen: (state: TpmState) => ReturnType<typeof place> = place) {
  const notices: string[] = [];
  const failures: Error[] = [];
  const recovering = new RecoveringBackend(await place(), {
    reopen,
    notice: (message) => notices.push(message),
    limits: QUICK,
  });
  await recovering.begin();
  const tpm = new OrderedTpm(recovering);
  tpm.onFailure = (error) => failures.push(error);
  await tpm.deliver(0, build.TPM2_Startup());
  return { tpm, notices, failures };
}

const crash = () => process.kill(open.at(-1)!.swtpm.pid, "SIGKILL");
const EXTEND = build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(9) }]);
const PCR16 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [16] }]);

describe("a TPM whose place is lost", () => {
  it("is brought back by running its commands again, random numbers and keys included", async () => {
    const { tpm, notices } = await recovering();
    const random = toHex(await tpm.deliver(0, build.TPM2_GetRandom(8)));
    for (let i = 0; i < 3; i++) await tpm.deliver(0, EXTEND);
    const pcr = toHex(await tpm.deliver(0, PCR16));
    crash();
    expect(toHex(await tpm.deliver(0, PCR16))).toBe(pcr);
    expect(toHex(await tpm.deliver(0, build.TPM2_GetRandom(8)))).not.toBe(random);
    expect(notices.at(-1)).toBe(
      "The TPM goes on as it was, with swtpm 2; 4 commands were run again to get there.",
    );
  });

  it("fails when nobody goes on with it, and says why", async () => {
    const { tpm, failures } = await recovering(() => Promise.reject(new Error("nobody is at home")));
    crash();
    await expect(tpm.deliver(0, EXTEND)).rejects.toThrow(TpmLostError);
    await expect(tpm.deliver(0, EXTEND)).rejects.toThrow("nobody is at home");
    expect(failures).toHaveLength(1);
    expect(failures[0]!.message).toMatch(/channel to the TPM closed.*nobody could go on with it/);
  });

  it("leaves no TPM on that comes when it was shut down meanwhile", async () => {
    let come: () => void = () => undefined;
    const coming = new Promise<void>((resolve) => {
      come = resolve;
    });
    let asked: () => void = () => undefined;
    const searching = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const { tpm } = await recovering(async (state) => {
      const next = await place(state);
      asked();
      await coming;
      return next;
    });
    crash();
    const command = tpm.deliver(0, PCR16).catch(String);
    await searching;
    const shutdown = tpm.shutdown();
    come();
    await shutdown;
    expect(await command).toMatch(/TpmShutDownError|the TPM was shut down/);
    const late = open.at(-1)!;
    await expect(late.backend.deliver(0, PCR16)).rejects.toThrow(/the TPM is gone|shut down/);
  });

  it("fails when what comes back is another TPM", async () => {
    const { tpm } = await recovering(() => place());
    await tpm.deliver(0, EXTEND);
    crash();
    await expect(tpm.deliver(0, PCR16)).rejects.toThrow(
      "it could not be brought back to where it was: TPM2_PCR_Extend had another answer the second time",
    );
  });

  it("does not wear out place after place with the same command", async () => {
    const { tpm } = await recovering(async (state) => {
      const next = await place(state);
      const { backend } = next;
      const { deliver } = backend;
      backend.deliver = (locality, command) => {
        if (toHex(command) === toHex(EXTEND)) process.kill(next.swtpm.pid, "SIGKILL");
        return deliver.call(backend, locality, command);
      };
      return next;
    });
    crash();
    await expect(tpm.deliver(0, EXTEND)).rejects.toThrow(/places were lost over the same command/);
    expect(open.length).toBeLessThanOrEqual(4);
  });
});

describe("commands", () => {
  it("are told apart by what running them again would do", () => {
    const kind = (command: Uint8Array) => repeatability("2.0", command);
    expect(kind(PCR16)).toBe("harmless");
    expect(kind(readIndex("aabb"))).toBe("harmless");
    expect(
      kind(
        encodeCommand("NV_Read", {
          handles: { authHandle: 0x0100_0001, nvIndex: 0x0100_0001 },
          sessions: [{ sessionHandle: 0x0200_0000, nonce: "00".repeat(16) }],
          parameters: { size: 8, offset: 0 },
        }),
      ),
    ).toBe("repeatable");
    expect(kind(EXTEND)).toBe("repeatable");
    expect(kind(definePlain())).toBe("repeatable");
    expect(kind(build.TPM2_Startup())).toBe("unique");
    expect(repeatability("1.2", build.TPM_Extend(1, new Uint8Array(20)))).toBe("repeatable");
    expect(repeatability("1.2", build.TPM_GetRandom(4))).toBe("unique");
    expect(repeatability("1.2", build.TPM_PCRRead(4))).toBe("harmless");
  });
});
