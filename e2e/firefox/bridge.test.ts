/** The page that `npm start` serves, in Firefox: two boots over the bridge, what they measure, and what is kept. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parsePcrRead } from "../page-guest.ts";
import { type StartedPage, startPage } from "../started-program.ts";
import { Firefox, type Watched } from "./firefox.ts";
import { press, run, serial, show, shownPcrs, text, untilShell, untilStarted } from "./guest.ts";

const NV_INDEX = "0x1500001";
/** TPM2_NV_ReadPublic of it. */
const NV_READ_PUBLIC = "80010000000e0000016901500001";
const EXPORTED = "PC.webtpm.zip";

let started: StartedPage;
let firefox: Firefox;
let watched: Watched;
beforeAll(async () => {
  started = await startPage();
  firefox = await Firefox.start();
  watched = await firefox.openPage();
});
afterAll(async () => {
  await firefox?.close();
  await started?.stop();
});

it("boots to the shell, isolated and with its device in a worker", async () => {
  const { page } = watched;
  await page.goto(`${started.url}?boot=1&kernel=small&backend=bridge`);
  await untilShell(page);
  const isolated = () => [crossOriginIsolated, typeof SharedArrayBuffer, typeof Atomics.waitAsync];
  expect(await page.evaluate(isolated)).toEqual([true, "function", "function"]);
  expect(await text(page, 'status-line [data-name="Device"]')).toContain("in a worker");
  expect(await text(page, 'status-line [data-name="Backend"]')).toContain("bridge");
});

it("shows the PCRs that the guest reads, and a log that replays to them", async () => {
  const { page } = watched;
  const banks = parsePcrRead(await run(page, "tpm2_pcrread"));
  for (const bank of ["sha1", "sha256"]) {
    const values = banks.get(bank);
    expect(values).toHaveLength(24);
    await expect.poll(() => shownPcrs(page, bank)).toEqual(values);
  }
  await show(page, "eventlog");
  await expect
    .poll(() => text(page, "#replay-verdict"))
    .toMatch(/^\s*Replayed, the log gives exactly the TPM's sha\d+ values of PCR 0–9\./);
});

it("shows each of its views without an error", async () => {
  const { page, errors } = watched;
  const tabs = await page.$$eval('[role="tab"]', (all) => all.map(({ id }) => id));
  expect(tabs.length).toBeGreaterThan(8);
  for (const tab of tabs) {
    await page.locator(`#${tab}`).click();
    const shown = () =>
      page.$eval(`#${tab}`, (element) => {
        const panel = document.getElementById(element.getAttribute("aria-controls") ?? "");
        const words = panel?.textContent ?? "";
        return [
          element.ariaSelected,
          panel?.checkVisibility(),
          /^\s*Loading|could not be loaded/.test(words),
        ];
      });
    await expect.poll(shown, { message: tab }).toEqual(["true", true, false]);
  }
  expect(errors).toEqual([]);
});

it("gives the machine as a file to the browser's downloads", async () => {
  const { page } = watched;
  await run(page, `tpm2_nvdefine -Q -C o -s 8 ${NV_INDEX}`);
  await show(page, "machines");
  await press(page, "Export…");
  await page.locator("dialog.ask button[type=submit]").click();
  // Firefox writes beside it, and renames that in the end.
  await expect.poll(() => readdirSync(firefox.downloads)).toEqual([EXPORTED]);
  expect(statSync(join(firefox.downloads, EXPORTED)).size).toBeGreaterThan(1000);
});

it("takes keys as they are typed, and goes back to a snapshot", async () => {
  const { page } = watched;
  await run(page, `tpm2_pcrextend 16:sha256=${"42".repeat(32)}; export KEPT=in-memory`);
  const pcr = () => page.evaluate(async () => (await window.webtpm.pcrs())[16]);
  const extended = await pcr();
  await page.evaluate(() => window.webtpm.snapshot("here").then(() => undefined));
  await run(page, "tpm2_pcrreset 16; export KEPT=lost");
  expect(await pcr()).not.toBe(extended);
  await page.evaluate(() => window.webtpm.restore("here"));
  await page.evaluate(() => window.webtpm.ready);
  expect(await pcr()).toBe(extended);
  await show(page, "serial");
  await page.focus(".serial-box textarea");
  // Both quotes and the slash open Firefox's own search elsewhere.
  await page.keyboard.type("echo /ty''ped/$KEPT");
  await page.keyboard.press("Enter");
  await expect.poll(() => serial(page)).toContain("/typed/in-memory");
});

it("is held at a breakpoint in the next boot, goes on, and has the TPM that was kept", async () => {
  const { page, errors } = watched;
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    dialog.accept();
  });
  await page.goto(`${started.url}?kernel=small&backend=bridge&pane=trace`);
  expect(asked).toEqual(["beforeunload"]);
  await untilStarted(page);
  await page.locator(".trace-breakpoints > summary").click();
  await press(page, "Add");
  await show(page, "machine");
  await page.locator("button.primary.large").click();
  await expect.poll(() => text(page, ".standstill")).toMatch(/The machine is held: locality 0 writes tpmGo/);
  await show(page, "trace");
  await page.locator(".breakpoints li input[type=checkbox]").click();
  await press(page, "Go on");
  await untilShell(page);
  expect(await run(page, "tpm2_getcap handles-nv-index")).toContain(NV_INDEX);
  expect(errors).toEqual([]);
  await page.close();
});

it("imports that file elsewhere, and boots with the same TPM", async () => {
  const { page, errors } = await firefox.openPage();
  await page.goto(`${started.url}?kernel=small&backend=bridge&pane=machines`);
  await untilStarted(page);
  const input = await page.waitForSelector('input[aria-label="Import a machine from a file"]');
  await input!.uploadFile(join(firefox.downloads, EXPORTED));
  await page.locator("[data-machine=PC]").wait();
  await press(page, "Boot");
  // While the firmware has the TPM, the page is refused.
  await expect
    .poll(() => page.evaluate((hex) => window.webtpm.command(hex).catch(String), NV_READ_PUBLIC))
    .toMatch(/^8001[0-9a-f]{8}00000000/);
  expect(errors).toEqual([]);
});
