/** Opening a TPM whose machine comes late: loaded over a slow line, or booted on a busy host. */
import { afterEach, expect, it, vi } from "vitest";
import { BackendSpentError } from "../backend/errors.ts";
import { joinChannel, type PortMessage } from "../backend/message-port.ts";
import { ScriptedSwtpm } from "../backend/testing/scripted-swtpm.ts";
import { openBackend } from "./connect.ts";
import { TpmEngine } from "./engine.ts";
import type { EngineEvent } from "./events.ts";
import { keeping } from "./keeping.ts";

const AN_HOUR = 3_600_000;

afterEach(() => vi.useRealTimers());

function hidden() {
  const control = new MessageChannel();
  const data = new MessageChannel();
  const target = { kind: "hidden", control: control.port1, data: data.port1 } as const;
  return { target, far: { control: control.port2, data: data.port2 } };
}

/** Messages cross from one port to the other in a turn of their own. */
const turns = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

it("waits for a hidden machine as long as it takes, and limits the TPM's answers from then on", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const { target, far } = hidden();
  let settled = false;
  const opening = openBackend({ version: "2.0", target, reconnect: false }).finally(() => {
    settled = true;
  });
  await turns();
  await vi.advanceTimersByTimeAsync(AN_HOUR);
  await turns();
  expect(settled).toBe(false);

  const swtpm = new ScriptedSwtpm();
  joinChannel(swtpm.control, far.control);
  joinChannel(swtpm.data, far.data);
  const { backend, info } = await opening;
  expect(info.version).toBe("2.0");
  await backend.shutdown();
});

it("says that an swtpm that runs gives no answer", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  const { target, far } = hidden();
  const opening = openBackend({ version: "2.0", target, reconnect: false }).catch(String);
  const swtpm = new ScriptedSwtpm();
  swtpm.data.respond = () => undefined;
  joinChannel(swtpm.control, far.control);
  joinChannel(swtpm.data, far.data);
  await turns();
  await vi.advanceTimersByTimeAsync(AN_HOUR);
  expect(await opening).toMatch(/^BackendTimeoutError: no answer to a TPM command within \d+ s$/);
});

it("gives one session to a hidden machine: a reset that it does not survive ends at once, with the reason", async () => {
  const { target, far } = hidden();
  const powers: EngineEvent[] = [];
  let next: () => void = () => undefined;
  const engine = new TpmEngine({
    version: "2.0",
    open: keeping((state) => openBackend({ version: "2.0", target, reconnect: false }, state), undefined),
    emit(event) {
      if (event.type !== "power") return;
      powers.push(event);
      next();
    },
  });
  const power = () =>
    new Promise<void>((resolve) => {
      next = resolve;
    });
  const on = power();
  engine.start(0);
  const swtpm = new ScriptedSwtpm();
  joinChannel(swtpm.control, far.control);
  joinChannel(swtpm.data, far.data);
  await on;
  swtpm.replies["0e"] = undefined;
  const over = power();
  engine.reset(1);
  await turns();
  swtpm.data.close(new Error("swtpm in the hidden machine was killed by signal 9"));
  await over;
  expect(powers).toEqual([
    expect.objectContaining({ reset: 0, on: expect.anything() }),
    expect.objectContaining({
      reset: 1,
      error: expect.objectContaining({ message: expect.stringMatching(/killed by signal 9/) }),
    }),
  ]);
  await expect(openBackend({ version: "2.0", target, reconnect: false })).rejects.toThrow(BackendSpentError);
});

it("hands on why a hidden machine did not come", async () => {
  const { target, far } = hidden();
  const opening = openBackend({ version: "2.0", target, reconnect: false });
  const closed: PortMessage = { closed: "the hidden machine failed at fork (error 12); no TPM was started" };
  for (const port of [far.control, far.data]) port.postMessage(closed);
  await expect(opening).rejects.toThrow(/failed at fork \(error 12\); no TPM was started$/);
});
