/** The hidden machine where a page has it: in a worker in Chromium, behind the device. */
import { afterEach, describe, expect, it } from "vitest";
import { fromHex } from "../../src/protocol/bytes/hex.ts";
import { build } from "../../src/protocol/tpm2/index.ts";
import { type Served, serve } from "./chromium.ts";
import { idleShare } from "./idle-share.ts";

/** How soon the loss of the machine must show, in milliseconds. */
const SOON = 20_000;
/** Share of one processor. */
const MOST_CPU = 0.05;
const bytes = (hex: string) => Array.from(fromHex(hex.replaceAll(" ", "")));
/** The owner's empty password, as an authorization area. */
const AUTH = "00000009 40000009 0000 00 0000";
/** A counter in NV memory. */
const NV = {
  define: bytes(`8002 0000002d 0000012a 40000001 ${AUTH} 0000 000e 01500002 000b 00020012 0000 0008`),
  increment: bytes(`8002 0000001f 00000134 40000001 01500002 ${AUTH}`),
  read: bytes(`8002 00000023 0000014e 40000001 01500002 ${AUTH} 0008 0000`),
};
const STARTUP = Array.from(build.TPM2_Startup());
const GET_RANDOM = Array.from(build.TPM2_GetRandom(16));

let served: Served;
afterEach(() => served?.close());

/** Seconds of processor time that the browser's pages have used, all threads together. */
async function pageTime({ browser }: Served): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo.reduce((sum, { type, cpuTime }) => sum + (type === "renderer" ? cpuTime : 0), 0);
}

describe("a hidden machine in a page", () => {
  it("costs next to nothing while it is idle", async () => {
    served = await serve();
    const { page } = await served.open();
    await page.evaluate(async (b) => window.tpm.command(Uint8Array.from(b)), STARTUP);
    const share = await idleShare(() => pageTime(served), MOST_CPU);
    console.log(`idle: ${(100 * share).toFixed(1)} % of one processor for the page and its workers`);
  });

  it("serves; after its worker has died, the next one goes on from the state that was kept", async () => {
    served = await serve();
    const { page, readyMs } = await served.open();
    console.log(`TPM ready after ${readyMs.toFixed(0)} ms`);
    // The machine's 44 MiB, and what the emulator needs for itself.
    const memory = await page.evaluate(() => window.tpm.status.backendMemory ?? 0);
    expect(memory).toBeGreaterThan(44 << 20);
    expect(memory).toBeLessThan(80 << 20);
    const command = (bytes: number[]) =>
      page.evaluate(async (b) => Array.from(await window.tpm.command(Uint8Array.from(b))), bytes);
    expect((await command(STARTUP)).slice(6)).toEqual([0, 0, 0, 0]);
    const random = await command(GET_RANDOM);
    expect(random).toHaveLength(28);

    await command(NV.define);
    await command(NV.increment);
    const counter = await command(NV.read);
    expect(counter.slice(6, 10)).toEqual([0, 0, 0, 0]);

    await page.evaluate(() => window.hidden.workers.at(-1)?.terminate());
    await page.waitForFunction(() => window.tpm.status.phase === "failed", undefined, { timeout: SOON });
    const { message } = await page.evaluate(() => window.tpm.status);
    expect(message).toContain("the worker of the hidden machine has ended");
    expect(message).toContain("Reset the machine");
    expect(await page.evaluate(() => window.bus.holds)).toEqual([]);

    await page.evaluate(() => window.bus.reset());
    await page.waitForFunction(() => window.tpm.status.phase === "ready");
    expect((await command(STARTUP)).slice(6)).toEqual([0, 0, 0, 0]);
    expect(await command(NV.read)).toEqual(counter);
    expect(await command(GET_RANDOM)).not.toEqual(random);
    expect(await page.evaluate(() => window.hidden.workers.length)).toBe(2);
  });
});
