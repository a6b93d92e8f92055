/** The swtpm client when commands are cancelled, answers stay away, and connections break. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { toHex } from "../bytes/hex.ts";
import { BackendCapabilityError, BackendClosedError, BackendTimeoutError } from "./errors.ts";
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

describe("cancel", () => {
  it("is sent for the command that runs; the next command waits for both answers", async () => {
    const { swtpm, backend } = await started();
    swtpm.replies["09"] = undefined;
    const command = deliver(backend);
    const next = deliver(backend, 1);
    const cancelled = Promise.all([backend.cancel(), backend.cancel()]);
    expect(swtpm.order).toEqual([`data ${header(0)}${COMMAND}`, "control 09"]);
    swtpm.data.arrive(framed(RESPONSE));
    await command;
    await settle();
    expect(swtpm.order).toHaveLength(2);
    swtpm.control.arrive("00000000");
    await cancelled;
    await settle();
    expect(swtpm.order.slice(2)).toEqual([`data ${header(1)}${COMMAND}`]);
    swtpm.data.arrive(framed(RESPONSE));
    await next;
  });

  it("waits with a command that waits", async () => {
    const { swtpm, backend } = await started();
    const all = [backend.reset(), deliver(backend), backend.cancel()];
    await settle();
    expect(swtpm.order).toEqual([
      "control 0e",
      "control 11",
      "control 02",
      `data ${header(0)}${COMMAND}`,
      "control 09",
    ]);
    swtpm.data.arrive(framed(RESPONSE));
    await Promise.all(all);
  });

  it("that the TPM refuses changes nothing", async () => {
    const { swtpm, backend, failures } = await started();
    swtpm.replies["09"] = "00000009";
    const command = deliver(backend);
    await backend.cancel();
    swtpm.data.arrive(framed(RESPONSE));
    expect(toHex(await command)).toBe(RESPONSE);
    expect(failures).toEqual([]);
  });

  it("without a command does nothing", async () => {
    const { swtpm, backend } = await started();
    await backend.cancel();
    expect(swtpm.order).toEqual([]);
  });

  it("needs the capability", async () => {
    const made = make();
    made.swtpm.replies["01"] = "00000000 0000ffdf".replaceAll(" ", "");
    await made.backend.start();
    const command = deliver(made.backend);
    await expect(made.backend.cancel()).rejects.toThrow(BackendCapabilityError);
    made.swtpm.data.arrive(framed(RESPONSE));
    await command;
  });

  it("that is never answered does not block the queue for ever", async () => {
    const { swtpm, backend, failures } = await started({ timeouts: { control: 50 } });
    swtpm.replies["09"] = undefined;
    const command = deliver(backend);
    const cancelled = backend.cancel();
    const next = deliver(backend);
    await settle();
    swtpm.data.arrive(framed(RESPONSE));
    await command;
    expect(await errorOf(next)).toMatchObject({ name: "BackendTimeoutError", what: "CMD_CANCEL_TPM_CMD" });
    expect(failures).toHaveLength(1);
    await expect(cancelled).resolves.toBeUndefined();
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
