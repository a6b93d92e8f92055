/** The swtpm client when commands are cancelled, answers stay away, and connections break. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fromHex, toHex } from "../protocol/bytes/hex.ts";
import { BackendClosedError, BackendTimeoutError } from "./errors.ts";
import {
  COMMAND,
  deliver,
  errorOf,
  header,
  make,
  RESPONSE,
  settle,
  started,
} from "./testing/scripted-backend.ts";
import { framed } from "./testing/scripted-swtpm.ts";

describe("a delivery that is aborted", () => {
  it("is cancelled while it runs, once; the next command waits for both answers", async () => {
    const { swtpm, backend } = await started();
    swtpm.replies["09"] = undefined;
    const cancel = new AbortController();
    const command = deliver(backend, 0, cancel.signal);
    const next = deliver(backend, 1);
    cancel.abort();
    cancel.abort();
    expect(swtpm.order).toEqual([`data ${header(0)}${COMMAND}`, "control 09"]);
    swtpm.data.arrive(framed(RESPONSE));
    expect(toHex(await command)).toBe(RESPONSE);
    await settle();
    expect(swtpm.order).toHaveLength(2);
    swtpm.control.arrive("00000000");
    await settle();
    expect(swtpm.order.slice(2)).toEqual([`data ${header(1)}${COMMAND}`]);
    swtpm.data.arrive(framed(RESPONSE));
    await next;
  });

  it("while it waits is answered at once, and the TPM never sees it", async () => {
    const { swtpm, backend } = await started();
    const first = deliver(backend);
    const cancel = new AbortController();
    const waiting = deliver(backend, 1, cancel.signal);
    const next = deliver(backend, 2);
    cancel.abort();
    expect(toHex(await waiting)).toBe("80010000000a00000909");
    swtpm.data.arrive(framed(RESPONSE));
    expect(toHex(await first)).toBe(RESPONSE);
    await settle();
    expect(swtpm.order).toEqual([`data ${header(0)}${COMMAND}`, `data ${header(2)}${COMMAND}`]);
    swtpm.data.arrive(framed(RESPONSE));
    await next;
    expect(toHex(await deliver(backend, 0, AbortSignal.abort()))).toBe("80010000000a00000909");
    expect(swtpm.order).toHaveLength(2);
  });

  it("while it waits for no other command is cancelled when it runs", async () => {
    const { swtpm, backend } = await started();
    const cancel = new AbortController();
    const all = [backend.reset(), deliver(backend, 0, cancel.signal)];
    cancel.abort();
    await settle();
    const power = ["control 0e", "control 11", "control 02"];
    expect(swtpm.order).toEqual([...power, `data ${header(0)}${COMMAND}`, "control 09"]);
    swtpm.data.arrive(framed(RESPONSE));
    expect(toHex((await Promise.all(all))[1] as Uint8Array)).toBe(RESPONSE);
  });

  it("to a TPM 1.2 while it waits is cancelled when it runs", async () => {
    const { swtpm, backend } = await started({ version: "1.2" });
    swtpm.replies["09"] = "00000009";
    const command = "00c10000000a00000014";
    const run = (signal?: AbortSignal) => backend.deliver(0, fromHex(command), signal && { signal });
    const first = run();
    const cancel = new AbortController();
    const waiting = run(cancel.signal);
    cancel.abort();
    await settle();
    swtpm.data.arrive("00c40000000a00000000");
    await first;
    await settle();
    expect(swtpm.order).toEqual(["control 05", `data ${command}`, `data ${command}`, "control 09"]);
    swtpm.data.arrive("00c40000000a00000000");
    expect(toHex(await waiting)).toBe("00c40000000a00000000");
  });

  it("goes on where the TPM refuses, or has no such control command", async () => {
    const { swtpm, backend, failures } = await started();
    swtpm.replies["09"] = "00000009";
    const cancel = new AbortController();
    const command = deliver(backend, 0, cancel.signal);
    cancel.abort();
    swtpm.data.arrive(framed(RESPONSE));
    expect(toHex(await command)).toBe(RESPONSE);
    expect(failures).toEqual([]);
    const without = make();
    without.swtpm.replies["01"] = "00000000 0000ffdf".replaceAll(" ", "");
    await without.backend.start();
    const other = deliver(without.backend, 0, cancel.signal);
    expect(toHex(await other)).toBe("80010000000a00000909");
    const late = new AbortController();
    const running = deliver(without.backend, 0, late.signal);
    late.abort();
    without.swtpm.data.arrive(framed(RESPONSE));
    expect(toHex(await running)).toBe(RESPONSE);
    expect(without.swtpm.controls).not.toContain("09");
  });

  it("after its answer is left alone, whatever runs then", async () => {
    const { swtpm, backend } = await started();
    const cancel = new AbortController();
    const command = deliver(backend, 0, cancel.signal);
    const next = deliver(backend, 1);
    swtpm.data.arrive(framed(RESPONSE));
    await command;
    cancel.abort();
    await settle();
    expect(swtpm.order).toEqual([`data ${header(0)}${COMMAND}`, `data ${header(1)}${COMMAND}`]);
    swtpm.data.arrive(framed(RESPONSE));
    await next;
  });

  it("does not block the queue for ever when its cancel is never answered", async () => {
    const { swtpm, backend, failures } = await started({ timeouts: { control: 50 } });
    swtpm.replies["09"] = undefined;
    const cancel = new AbortController();
    const command = deliver(backend, 0, cancel.signal);
    const next = deliver(backend);
    cancel.abort();
    await settle();
    swtpm.data.arrive(framed(RESPONSE));
    await command;
    expect(await errorOf(next)).toMatchObject({ name: "BackendTimeoutError", what: "CMD_CANCEL_TPM_CMD" });
    expect(failures).toHaveLength(1);
  });
});

describe("time limits", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("end a backend whose TPM says nothing to the probe", async () => {
    const { swtpm, backend, failures } = make({ timeouts: { probe: 100 } });
    swtpm.data.respond = () => undefined;
    const start = errorOf(backend.start());
    await vi.advanceTimersByTimeAsync(101);
    expect(await start).toBeInstanceOf(BackendTimeoutError);
    expect(failures).toHaveLength(1);
  });

  it("name the control command that was not answered", async () => {
    const { swtpm, backend } = make({ timeouts: { control: 200 } });
    swtpm.replies["0e"] = "0000";
    const start = errorOf(backend.start());
    await vi.advanceTimersByTimeAsync(201);
    expect((await start).message).toBe("no answer to CMD_STOP within 0.2 s");
  });

  it("are generous for commands, begin anew with each, and leave no timer behind", async () => {
    const { swtpm, backend, failures } = await started({ timeouts: { command: 1000 } });
    for (let i = 0; i < 5; i++) {
      const command = deliver(backend);
      await vi.advanceTimersByTimeAsync(900);
      swtpm.data.arrive(framed(RESPONSE));
      await command;
    }
    const late = errorOf(deliver(backend));
    await vi.advanceTimersByTimeAsync(999);
    expect(failures).toEqual([]);
    await vi.advanceTimersByTimeAsync(2);
    expect(await late).toMatchObject({ name: "BackendTimeoutError", limit: 1000 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it("bound the shutdown of a TPM that is busy", async () => {
    const { swtpm, backend, failures } = await started({ timeouts: { control: 500 } });
    const command = errorOf(deliver(backend));
    const off = backend.shutdown();
    await vi.advanceTimersByTimeAsync(501);
    await off;
    expect((await command).message).toBe("the TPM was shut down");
    expect(swtpm.control.open).toBe(false);
    expect(failures).toEqual([]);
  });
});

describe("a connection that breaks", () => {
  it("in the middle of a response fails the command at once, with the reason", async () => {
    const { swtpm, backend, failures } = await started();
    const command = deliver(backend);
    const waiting = backend.getState();
    swtpm.data.arrive(framed(RESPONSE).slice(0, 20));
    await settle();
    swtpm.data.close(new Error("cable cut"));
    const error = await errorOf(command);
    expect(error).toBeInstanceOf(BackendClosedError);
    expect(error.message).toBe("the data channel to the TPM closed: cable cut");
    await expect(waiting).rejects.toBe(error);
    expect(failures).toEqual([error]);
    expect(swtpm.control.open).toBe(false);
  });

  it("during the start fails the start", async () => {
    const { swtpm, backend, failures } = make();
    swtpm.replies["02"] = undefined;
    const start = errorOf(backend.start());
    await settle();
    swtpm.control.close();
    expect((await start).message).toBe("the control channel to the TPM closed");
    expect(failures).toHaveLength(1);
  });

  it("before a send fails what is sent", async () => {
    const { swtpm, backend, failures } = await started();
    swtpm.data.open = false;
    await expect(deliver(backend)).rejects.toThrow(BackendClosedError);
    expect(failures).toHaveLength(1);
  });
});
