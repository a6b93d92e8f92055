/** A TPM that has nothing but functions, which a native swtpm stands for: with all of them, and with one. */
import { afterEach, describe, expect, it } from "vitest";
import { startNativeBackend } from "../node/bridge/native-backend.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build } from "../protocol/tpm2/index.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import { TpmUnableError } from "./errors.ts";
import { OrderedTpm } from "./ordered.ts";
import { ProcessBackend, type ProcessTpm } from "./process-tpm.ts";

const OPTIONS = { version: "2.0", description: "a TPM of functions" } as const;
const PCR16 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [16] }]);
const EXTEND = build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(7) }]);

const opened: OrderedTpm[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((tpm) => tpm.shutdown()));
});

/** As a module would offer it. */
async function module(): Promise<Required<ProcessTpm> & { canceled: () => number }> {
  const { backend, stop } = await startNativeBackend();
  let canceled = 0;
  return {
    localities: true,
    process: (command, locality) => backend.deliver(locality, command),
    powerOn: (state) => backend.reset(state),
    getState: () => backend.getState(),
    cancel: () => {
      canceled++;
    },
    close: stop,
    canceled: () => canceled,
  };
}

function behind(tpm: ProcessTpm) {
  const backend = new OrderedTpm(new ProcessBackend(tpm, OPTIONS));
  opened.push(backend);
  return backend;
}

const read = async (backend: OrderedTpm) => toHex(await backend.deliver(0, PCR16));

describe("a TPM of functions", { timeout: 20_000 }, () => {
  it("is reset, saved, put back and cancelled where it has the functions for it", async () => {
    const tpm = await module();
    const backend = behind(tpm);
    expect(await backend.start()).toEqual({
      ...OPTIONS,
      bufferSize: 4096,
      capabilities: { state: true, reset: true, cancel: true, locality: true, hash: false },
    });
    expect(responseCode(await backend.deliver(0, build.TPM2_Startup()))).toBe(0);
    await backend.deliver(0, EXTEND);
    const [state, extended] = [await backend.getState(), await read(backend)];
    await backend.reset();
    await backend.deliver(0, build.TPM2_Startup());
    expect(await read(backend)).not.toBe(extended);
    await backend.reset(state);
    expect(await read(backend)).toBe(extended);
    const cancel = new AbortController();
    const answer = backend.deliver(3, PCR16, { signal: cancel.signal });
    cancel.abort();
    expect(responseCode(await answer)).toBe(0);
    expect(tpm.canceled()).toBe(1);
  });

  it("with process() alone runs commands, and says what it cannot", async () => {
    const { process, close, powerOn } = await module();
    await powerOn();
    const backend = behind({ process, close });
    expect((await backend.start()).capabilities).toEqual({
      state: false,
      reset: false,
      cancel: false,
      locality: false,
      hash: false,
    });
    expect(responseCode(await backend.deliver(0, build.TPM2_Startup()))).toBe(0);
    for (const refused of [
      backend.reset(),
      backend.getState(),
      backend.deliver(1, PCR16),
      backend.establishmentFlag(),
      backend.measureLaunch(new Uint8Array(4)),
    ])
      await expect(refused).rejects.toThrow(TpmUnableError);
    expect(responseCode(await backend.deliver(0, PCR16))).toBe(0);
  });

  it("has failed for good when it throws, or answers what is no response", async () => {
    for (const process of [
      () => new Uint8Array(4),
      () => Promise.reject(new Error("unreachable executed")),
    ]) {
      const backend = behind({ process });
      const failures: Error[] = [];
      backend.onFailure = (error) => failures.push(error);
      await backend.start();
      await expect(backend.deliver(0, PCR16)).rejects.toThrow("the TPM has failed");
      expect(failures).toHaveLength(1);
      await expect(backend.deliver(0, PCR16)).rejects.toThrow("the TPM is gone");
    }
  });
});
