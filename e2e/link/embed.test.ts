import { afterAll, beforeAll, expect, it } from "vitest";
import { Cache } from "../../src/node/images/cache.ts";
import { ImageSet } from "../../src/node/images/image-set.ts";
import { printProgress } from "../../src/node/images/progress.ts";
import { type Served, serve } from "./chromium.ts";

let served: Served;
beforeAll(async () => {
  served = await serve();
});
afterAll(() => served?.close());

it("the example for pages of one's own boots a PC that measures its firmware", {
  timeout: 120_000,
}, async () => {
  const { manifest, files } = await new ImageSet(new Cache(), printProgress()).read();
  const firmware: Record<string, string | undefined> = {
    "bios-256k.bin": files.get(manifest.bios.url),
    "vgabios-stdvga.bin": files.get(manifest.vgaBios.url),
  };
  const page = await served.browser.newPage();
  const errors: Error[] = [];
  page.on("pageerror", (error) => errors.push(error));
  await page.route(`${served.url}/firmware/*`, (route) => {
    const path = firmware[new URL(route.request().url()).pathname.split("/").at(-1) ?? ""];
    return path ? route.fulfill({ path }) : route.abort();
  });
  await page.goto(`${served.url}/e2e/link/embed.html`);
  const log = page.locator("#log");
  await log.getByText("TPM2_PCR_Extend TPM_RC_SUCCESS").waitFor({ timeout: 100_000 });
  const lines = (await log.textContent())?.split("\n") ?? [];
  expect(lines[0]).toMatch(/^TPM2_Startup TPM_RC_SUCCESS \d/);
  expect(errors).toEqual([]);
});
