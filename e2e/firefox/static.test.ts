/** The static page in Firefox, from a host that sends no headers: the hidden TPM, and a life without the host. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { parsePcrRead } from "../page-guest.ts";
import { buildDirectory } from "../static/build.ts";
import { FileServer } from "../static/file-server.ts";
import { Firefox, type Watched } from "./firefox.ts";
import { run, show, shownPcrs, text, untilShell, untilStarted } from "./guest.ts";

let server: FileServer;
let firefox: Firefox;
let watched: Watched;
beforeAll(async () => {
  server = new FileServer(buildDirectory());
  await server.start();
  firefox = await Firefox.start();
  watched = await firefox.openPage();
});
afterAll(async () => {
  await firefox?.close();
  await server?.stop();
});

it("is isolated after one reload of its own", async () => {
  const { page } = watched;
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  await page.goto(server.url);
  await untilStarted(page);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(loads).toBe(2);
  // Firefox tells of what a page that is left was still waiting for as errors.
  await page.waitForNetworkIdle();
});

it("boots with the hidden TPM, which the guest uses", async () => {
  const { page } = watched;
  await page.goto(`${server.url}?boot=1&kernel=small&backend=hidden`);
  await untilShell(page);
  expect(await text(page, 'status-line [data-name="Device"]')).toContain("in a worker");
  expect(await text(page, 'status-line [data-name="Backend"]')).toContain("hidden machine");
  expect(await run(page, "tpm2_getrandom --hex 16")).toMatch(/^[0-9a-f]{32}$/);
  const values = parsePcrRead(await run(page, "tpm2_pcrread sha256")).get("sha256");
  expect(values).toHaveLength(24);
  await expect.poll(() => shownPcrs(page, "sha256")).toEqual(values);
});

it("keeps all of itself, and boots a prepared machine when its host is gone", async () => {
  const { page, errors } = watched;
  await show(page, "machine");
  await page.locator(".setup-offline button").click();
  const kept = () => page.evaluate(() => document.documentElement.dataset.offline);
  await expect.poll(kept).toBe("ready");
  expect(errors).toEqual([]);

  await server.stop();
  await page.goto(`${server.url}?boot=1&start=prepared&backend=hidden`);
  // There is a machine already that such a link could be meant to harm: the page asks.
  await page.locator("dialog button.primary").click();
  await untilShell(page);
  const elsewhere = () => fetch("nothing-kept").then(String, ({ name }: Error) => name);
  expect(await page.evaluate(elsewhere)).toBe("TypeError");
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(await run(page, "tpm2_getrandom --hex 16")).toMatch(/^[0-9a-f]{32}$/);
});
