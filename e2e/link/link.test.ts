import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Served, serve } from "./chromium.ts";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

describe("the link in Chromium", () => {
  it("has a page that may share memory", async () => {
    const { page } = await served.open();
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  });

  for (const options of [
    { version: "2.0", seed: 11, delayMs: 2, waitAsync: true },
    { version: "1.2", seed: 12, delayMs: 0, waitAsync: true },
    { version: "2.0", seed: 13, delayMs: 1, waitAsync: false },
  ] as const) {
    const woken = options.waitAsync ? "Atomics.waitAsync" : "messages";
    it(`shows what a device on the page would show: TPM ${options.version}, woken by ${woken}`, async () => {
      const { page, errors } = await served.open();
      const result = await page.evaluate((o) => window.link.walk({ ...o, accesses: 20_000 }), options);
      expect(result.commands).toBeGreaterThan(50);
      expect(result.bytes).toBeGreaterThan(5_000);
      expect(errors).toEqual([]);
      await page.close();
    });
  }

  it("can be measured: every read sees the write before it", async () => {
    const { page } = await served.open();
    const bench = await page.evaluate(() => window.link.bench(5));
    for (const values of Object.values(bench)) expect(values).toHaveLength(5);
    // The figures are `npm run bench`'s.
    await page.close();
  });
});
