import type { Page } from "@playwright/test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { build } from "../../src/protocol/tpm2/index.ts";
import { type Served, serve } from "./chromium.ts";
import { attach, readAccess, receive, reset, send, status } from "./guest.ts";

const SUCCESS = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 0, 0];
const TPM_RC_FAILURE = [0x80, 0x01, 0, 0, 0, 10, 0, 0, 1, 1];
const VALID = 0x80;

let served: Served;
afterEach(() => served?.close());

async function start(options: { isolated?: boolean } = {}) {
  served = await serve(options);
  return served.open();
}

/** Process ids of the sessions that the bridge has begun. */
const swtpms = () =>
  served.log.flatMap((line) => /began: .*swtpm process (\d+)/.exec(line)?.[1] ?? []).map(Number);

/** The TPM's process dies while it works on a command of the guest's. */
async function killInCommand(page: Page): Promise<void> {
  const [pid] = swtpms();
  process.kill(pid!, "SIGSTOP");
  await send(page, build.TPM2_GetRandom(16));
  await page.waitForFunction(() => window.attached.bus.holds.includes("TPM command"));
  process.kill(pid!, "SIGKILL");
}

async function until(condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) throw new Error(`it did not happen\n${served.log.join("\n")}`);
    },
    { interval: 20, timeout: 60_000 },
  );
}

for (const isolated of [true, false]) {
  describe(isolated ? "a TPM in a worker" : "a TPM on the page's thread", () => {
    it("answers the guest and the page", async () => {
      const { page, errors } = await start({ isolated });
      expect(await attach(page)).toBeUndefined();
      expect(await status(page)).toMatchObject(
        isolated
          ? { phase: "ready", placement: "worker", backend: "bridge", version: "2.0" }
          : { phase: "ready", placement: "local", placementReason: expect.stringContaining("COOP and COEP") },
      );
      // Where the device is here, the TPM is in a worker all the same.
      expect(await page.evaluate(() => window.attached.workers.length)).toBe(1);
      await send(page, build.TPM2_Startup());
      expect(await receive(page)).toEqual(SUCCESS);
      const told = page.evaluate(() => new Promise((resolve) => window.attached.tpm.on("pcrs", resolve)));
      await send(page, build.TPM2_PCR_Extend(16, [{ algorithm: "sha1", digest: new Uint8Array(20) }]));
      expect((await receive(page)).slice(6, 10)).toEqual([0, 0, 0, 0]);
      expect(await told).toHaveLength(4);
      const names = await page.evaluate(() =>
        window.attached.tpm.commands.filter(({ origin }) => origin === "guest").map(({ name }) => name),
      );
      expect(names).toEqual(["TPM2_Startup", "TPM2_PCR_Extend"]);
      expect(errors).toEqual([]);
    });

    it("outlives the death of its swtpm in the middle of a command", async () => {
      const { page } = await start({ isolated });
      await attach(page);
      await send(page, build.TPM2_Startup());
      expect(await receive(page)).toEqual(SUCCESS);
      await killInCommand(page);
      expect(await receive(page)).toEqual(TPM_RC_FAILURE);
      expect(await status(page)).toMatchObject({ phase: "failed", version: "unspecified" });
      expect(await page.evaluate(() => window.attached.bus.holds)).toEqual([]);
      await page.waitForFunction(() => window.attached.tpm.read(0xfed40000, 1) === 0);

      await reset(page);
      expect(await status(page)).toMatchObject({ phase: "ready", version: "2.0" });
      expect(swtpms()).toHaveLength(2);
      await send(page, build.TPM2_Startup());
      expect(await receive(page)).toEqual(SUCCESS);
    });

    it("goes on where its swtpm died, where it is to reconnect: the guest gets its answer", async () => {
      const { page } = await start({ isolated });
      await attach(page, { reconnect: true });
      await page.evaluate(() => {
        window.attached.tpm.on("notice", (message) => console.info(message));
      });
      const notices: string[] = [];
      page.on("console", (message) => message.type() === "info" && notices.push(message.text()));
      await send(page, build.TPM2_Startup());
      expect(await receive(page)).toEqual(SUCCESS);
      await killInCommand(page);
      expect((await receive(page)).slice(0, 10)).toEqual([0x80, 0x01, 0, 0, 0, 28, 0, 0, 0, 0]);
      expect(await status(page)).toMatchObject({ phase: "ready", version: "2.0" });
      expect(swtpms()).toHaveLength(2);
      expect(notices.map((text) => text.includes("goes on as it was"))).toEqual([false, true]);
    });

    it("ends in failure mode when its worker dies, and begins anew with a reset", async () => {
      const { page } = await start({ isolated });
      await attach(page);
      await page.evaluate(() => window.attached.workers[0]?.terminate());
      await send(page, build.TPM2_Startup());
      await page.waitForFunction(() => window.attached.tpm.status.phase === "failed", undefined, {
        timeout: 60_000,
      });
      if (isolated) expect(await readAccess(page)).toBe(0);
      expect((await status(page)).message).toMatch(
        /worker (did not answer within|was stuck).*Reset the machine/,
      );
      await reset(page);
      expect((await status(page)).phase).toBe("ready");
      expect((await readAccess(page)) & VALID).toBe(VALID);
      await send(page, build.TPM2_Startup());
      expect(await receive(page)).toEqual(SUCCESS);
    });

    it("says what is wrong when no bridge answers, and when the worker cannot be loaded", async () => {
      const { page } = await start({ isolated });
      expect(await attach(page, { bridge: "http://127.0.0.1:1/tpm" })).toContain(
        "no bridge answers at http://127.0.0.1:1/tpm",
      );
      expect(await page.evaluate(() => window.attached.bus.holds)).toEqual([]);
      expect(await attach(page, { workerUrl: "/nowhere.js" })).toMatch(/worker has failed/);
      expect(await readAccess(page)).toBe(0);
    });
  });
}

describe("a worker in trouble", () => {
  it("is found out when it is stuck, although the guest asks nothing", async () => {
    const { page } = await start();
    expect(await attach(page, { workerUrl: "data:text/javascript,postMessage({});for(;;);" })).toBe(
      "the TPM's worker was stuck and has been ended",
    );
    expect(await status(page)).toMatchObject({ phase: "failed" });
  });

  it("is found out, later, when it is stuck before it has said anything", async () => {
    const { page } = await start();
    // Its time for loading passes at once; that it is not the host is found out as time goes by.
    await page.clock.install();
    const attached = attach(page, { workerUrl: "data:text/javascript,for(;;);" });
    await page.waitForFunction(() => window.attached?.workers.length);
    await page.clock.runFor(121_000);
    expect(await attached).toBe("the TPM's worker was stuck and has been ended");
    expect(await status(page)).toMatchObject({ phase: "failed" });
  });
});

describe("a page", () => {
  it("ends its session with the bridge when it is closed or loaded anew", async () => {
    const { page } = await start();
    await attach(page);
    await page.reload();
    await until(() => served.log.some((line) => line.includes(" ended ")));
    await page.waitForFunction(() => window.link !== undefined);
    expect(await attach(page)).toBeUndefined();
    expect(swtpms()).toHaveLength(2);
  });

  it("takes another TPM at the next reset", async () => {
    const { page } = await start();
    await attach(page);
    await send(page, build.TPM2_Startup());
    expect(await receive(page)).toEqual(SUCCESS);
    await page.evaluate(() => window.attached.tpm.useBackend({ bridge: "/tpm" }));
    await reset(page);
    expect(swtpms()).toHaveLength(2);
    await until(() => served.log.filter((line) => line.includes(" ended ")).length === 1);
    await send(page, build.TPM2_Startup());
    expect(await receive(page)).toEqual(SUCCESS);
  });

  it("puts registers and TPM back to where a snapshot found them, and moves the TPM to another session", async () => {
    const { page } = await start();
    await attach(page);
    await send(page, build.TPM2_Startup());
    await receive(page);
    await send(
      page,
      build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(7) }]),
    );
    await receive(page);
    const values = await page.evaluate(async () => {
      const { tpm } = window.attached;
      const pcr = async () =>
        (await tpm.pcrs()).find(({ algorithm }) => algorithm === "sha256")?.values[16]?.join();
      const before = await pcr();
      const snapshot = await tpm.snapshot();
      await tpm.reset();
      await tpm.restore(snapshot);
      const after = await pcr();
      await tpm.moveTo({});
      return { before, after, moved: await pcr(), phase: tpm.status.phase };
    });
    expect(values.before).toMatch(/^\d+,/);
    expect(values).toMatchObject({ after: values.before, moved: values.before, phase: "ready" });
    expect(swtpms()).toHaveLength(2);
  });
});
