/** What waits for a worker when it dies: nobody waits for ever, and the machine is not held for it. */
import { afterEach, expect, it } from "vitest";
import { build } from "../../src/protocol/tpm2/index.ts";
import { type Served, serve } from "./chromium.ts";
import { attach, receive, reset, send } from "./guest.ts";

let served: Served;
afterEach(() => served?.close());

it("rejects what the page asked of it, ends its commands and lets the machine go on", async () => {
  served = await serve();
  const { page, errors } = await served.open();
  expect(await attach(page)).toBeUndefined();
  await send(page, build.TPM2_Startup());
  await receive(page);
  const told = await page.evaluate(async () => {
    const { tpm, workers } = window.attached;
    const outcome = (promise: Promise<unknown>) =>
      promise.then(
        () => "done",
        (error: Error) => `${error.name}: ${error.message}`,
      );
    workers[0]?.terminate();
    const asked = [outcome(tpm.pcrs()), outcome(tpm.snapshot())];
    return { asked: await Promise.all(asked), restored: await outcome(tpm.restore({} as never)) };
  });
  for (const outcome of [...told.asked, told.restored]) expect(outcome).toMatch(/^TpmFailedError: .*worker/);
  expect(await page.evaluate(() => window.attached.bus.holds)).toEqual([]);

  await reset(page);
  await send(page, build.TPM2_Startup());
  await receive(page);
  expect(errors).toEqual([]);
});

it("tells that a command has ended when the TPM that ran it is replaced", async () => {
  served = await serve();
  const { page } = await served.open();
  await attach(page);
  await send(page, build.TPM2_Startup());
  await receive(page);
  const pid = served.log.flatMap((line) => /swtpm process (\d+)/.exec(line)?.[1] ?? []).map(Number)[0];
  process.kill(pid!, "SIGSTOP");
  await send(page, build.TPM2_GetRandom(8));
  await page.waitForFunction(() => window.attached.bus.holds.includes("TPM command"));
  await page.evaluate(() => window.attached.tpm.useBackend({ bridge: "/tpm" }));
  await reset(page);
  process.kill(pid!, "SIGCONT");
  const [last] = await page.evaluate(() =>
    window.attached.tpm.commands
      .filter(({ name }) => name === "TPM2_GetRandom")
      .map(({ duration, response }) => ({ duration, response })),
  );
  expect(last?.duration).toBeGreaterThan(0);
  expect(last?.response).toBeUndefined();
  expect(await page.evaluate(() => window.attached.bus.holds)).toEqual([]);
});
