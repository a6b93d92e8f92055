/**
 * What went wrong keeps its kind on the way to the page, from the product's own worker in a thread of its own: with the
 * device in it, with the TPM alone in it, and with all on one thread. Real bridges and swtpms.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import { ChannelClosedError } from "../backend/channel.ts";
import { BackendClosedError, StateNotSavedError, StateRefusedError } from "../backend/errors.ts";
import type { TpmKeep, TpmState } from "../backend/port.ts";
import { NodeWebSocket, startTestBridge, type TestBridge } from "../node/bridge/test-server.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { build } from "../protocol/tpm2/index.ts";
import { responseCode, TpmResponseError } from "../protocol/tpm2/parse.ts";
import { deviceWorker } from "../worker/testing/thread-worker.ts";
import { DeviceWorker } from "./device-worker.ts";
import { TpmFailedError } from "./errors.ts";
import { openRemote } from "./remote-backend.ts";
import { TestBus } from "./testing.ts";
import { attachTpm, type Tpm, type TpmAttachOptions } from "./tpm.ts";

const webSocket = import.meta.resolve("../node/bridge/test-server.ts");
const workers: Worker[] = [];
function createWorker(): Worker {
  const worker = deviceWorker({ webSocket });
  workers.push(worker);
  return worker;
}

const tpms: Tpm[] = [];
const bridges: TestBridge[] = [];
afterEach(async () => {
  await Promise.all(tpms.splice(0).map((tpm) => tpm.close()));
  await Promise.all(bridges.splice(0).map((bridge) => bridge.stop()));
  for (const worker of workers.splice(0)) worker.terminate();
  vi.unstubAllGlobals();
});

async function bridge(): Promise<TestBridge> {
  const started = await startTestBridge();
  bridges.push(started);
  return started;
}

/** Keeps the state until there is no room any more. */
class SmallKeep implements TpmKeep {
  full = false;
  #state: TpmState | undefined;
  async load() {
    return this.#state;
  }
  async save(state: TpmState) {
    if (this.full) throw new DOMException("no room", "QuotaExceededError");
    this.#state = structuredClone(state);
  }
}

/** The error's own class, its code, and those of its causes. */
function chain(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as { code?: string };
  return [code ? `${error.name} ${code}` : error.name, ...chain(error.cause)];
}

const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

const NOWHERE = "http://127.0.0.1:9/tpm";

describe.each(["worker", "local", "one thread"] as const)("placement: %s", (where) => {
  function attach(options: TpmAttachOptions): Tpm {
    // Where there are no workers, all is on this thread.
    if (where !== "one thread") vi.stubGlobal("Worker", class {});
    else vi.stubGlobal("WebSocket", NodeWebSocket);
    const placement = where === "worker" ? "worker" : "local";
    const tpm = attachTpm(new TestBus(), { placement, createWorker, ...options });
    tpms.push(tpm);
    return tpm;
  }
  const failed = (tpm: Tpm) => expect.poll(() => tpm.status.phase, { timeout: 20_000 }).toBe("failed");

  it("a bridge that is not there", async () => {
    const tpm = attach({ bridge: NOWHERE });
    const error = await errorOf(tpm.ready);
    expect(error).toBeInstanceOf(TpmFailedError);
    expect(error).toMatchObject({ code: "connection-lost" });
    expect((error as Error).cause).toBeInstanceOf(ChannelClosedError);
    expect(tpm.status.failure).toMatchObject({ code: "connection-lost", name: "ChannelClosedError" });
    expect(tpm.status.message).toMatch(/can be reached\. Reset the machine to begin a new session\.$/);
  });

  it("a bridge that is lost", async () => {
    const { url, pids } = await bridge();
    const tpm = attach({ bridge: url });
    await tpm.ready;
    expect(tpm.status).not.toHaveProperty("failure");
    for (const pid of pids()) process.kill(pid, "SIGKILL");
    await failed(tpm);
    expect(tpm.status.failure?.code).toBe("connection-lost");
    const error = await errorOf(tpm.pcrs());
    expect(error).toMatchObject({ name: "TpmFailedError", code: "connection-lost" });
    expect((error as Error).cause).toBeInstanceOf(BackendClosedError);
    await tpm.reset();
    expect(tpm.status).not.toHaveProperty("failure");
  });

  it("no room to keep the TPM in", async () => {
    const keep = new SmallKeep();
    const tpm = attach({ bridge: (await bridge()).url, keep });
    await tpm.ready;
    keep.full = true;
    // It has an answer, if the page comes to read it before it hears that the TPM has failed.
    const answer = await errorOf(tpm.command(build.TPM2_Startup()));
    if (answer !== undefined) expect(answer).toBeInstanceOf(TpmFailedError);
    await failed(tpm);
    expect(tpm.status.failure).toMatchObject({ code: "storage-full", name: "StateNotSavedError" });
    expect(tpm.status.message).toContain(
      "no room. What the guest wanted to change last counts as not done. Make room first",
    );
    const error = (await errorOf(tpm.pcrs())) as TpmFailedError;
    expect(error.code).toBe("storage-full");
    expect(error.cause).toBeInstanceOf(StateNotSavedError);
    expect(chain(error).at(-1)).toMatch(/^QuotaExceededError/);
  });

  it("a TPM that refuses", async () => {
    const tpm = attach({ bridge: (await bridge()).url });
    await tpm.ready;
    const error = await errorOf(tpm.pcrs());
    expect(error).toBeInstanceOf(TpmResponseError);
    expect((error as TpmResponseError).responseCode).toBe(0x100);
    const snapshot = structuredClone(await tpm.snapshot());
    snapshot.tpm.permanent.bytes[12]! ^= 0x10;
    const refused = await errorOf(tpm.restore(snapshot));
    expect(refused).toBeInstanceOf(StateRefusedError);
    expect(refused).toMatchObject({ blob: "permanent" });
    expect(chain(refused).at(-1)).toMatch(/^SwtpmError/);
    expect(tpm.status.failure).toMatchObject({ code: "state-refused", detail: { blob: "permanent" } });
  });
});

it("a worker that fails", async () => {
  vi.stubGlobal("Worker", class {});
  const tpm = attachTpm(new TestBus(), { bridge: (await bridge()).url, createWorker });
  await tpm.ready;
  workers[0]!.dispatchEvent(Object.assign(new Event("error"), { message: "out of memory" }));
  await expect.poll(() => tpm.status.failure).toMatchObject({ code: "worker-lost" });
  expect(await errorOf(tpm.pcrs())).toMatchObject({ name: "TpmFailedError", code: "worker-lost" });
});

it("a delivery to the TPM in the worker is cancelled there, by its own signal", async () => {
  const worker = new DeviceWorker({ createWorker, onMessage: () => undefined });
  const target = { kind: "bridge", urls: [(await bridge()).url] } as const;
  const { backend } = await openRemote(worker, { version: "2.0", target, reset: 0 });
  await backend.deliver(0, build.TPM2_Startup());
  const running = backend.deliver(0, build.TPM2_GetRandom(8));
  const cancel = new AbortController();
  const waiting = backend.deliver(0, build.TPM2_GetRandom(8), { signal: cancel.signal });
  cancel.abort();
  expect(toHex(await waiting)).toBe("80010000000a00000909");
  expect(responseCode(await running)).toBe(0);
  await worker.close(backend.shutdown());
});
