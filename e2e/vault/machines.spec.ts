/** Kept machines as a user has them: the page, its guest, a reload, two tabs, files. */
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { run, untilShell } from "../page-guest.ts";

const COUNTER = "0x1500001";
const DEFINE = `tpm2_nvdefine -Q -C o -s 8 -a "ownerread|ownerwrite|nt=counter" ${COUNTER}`;
const INCREMENT = `tpm2_nvincrement -Q -C o ${COUNTER}`;
const READ = `tpm2_nvread -C o ${COUNTER} | od -An -tx1 | tr -d " "`;

async function boot(context: BrowserContext, address = "/?boot=1&kernel=small"): Promise<Page> {
  const page = await context.newPage();
  await page.goto(address);
  await untilShell(page);
  return page;
}

const counter = async (page: Page) => Number(`0x${(await run(page, READ)).trim()}`);
const storage = async (page: Page) => {
  await page.getByRole("tab", { name: "Storage" }).click();
  return page.locator(".machines");
};

test("a TPM is there again after a reload, and goes back with a snapshot and its machine", async ({
  context,
}) => {
  const page = await boot(context);
  await run(page, `${DEFINE} && ${INCREMENT} && ${INCREMENT}`);
  const second = await counter(page);
  await page.reload();
  await untilShell(page);
  expect(await counter(page)).toBe(second);

  await run(page, "tpm2_pcrextend 16:sha256=$(printf %064d 7); export KEPT=in-memory");
  const pcr = await page.evaluate(async () => (await window.webtpm.pcrs())[16]);
  await page.evaluate(() => window.webtpm.snapshot("before"));
  await run(page, `${INCREMENT}; tpm2_pcrreset 16`);
  expect(await counter(page)).toBe(second + 1);

  const pane = await storage(page);
  await expect(pane.locator("[data-machine=PC]")).toContainText("runs here");
  await pane.locator("[data-snapshot=before]").getByRole("button", { name: "Go back to before" }).click();
  const warning = page.getByRole("dialog");
  await expect(warning).toContainText("NV counters go back too");
  await warning.getByRole("button", { name: "Go back" }).click();
  // Until the machine is made anew there is no TPM to ask.
  const now = () =>
    page.evaluate(() =>
      window.webtpm
        .pcrs()
        .then((pcrs) => pcrs[16])
        .catch(String),
    );
  await expect.poll(now).toBe(pcr);
  await page.evaluate(() => window.webtpm.ready);
  expect(await run(page, "echo $KEPT")).toBe("in-memory\n");
  expect(await counter(page)).toBe(second);
  // What it went back to is what is kept now.
  await run(page, INCREMENT);
  await page.reload();
  await untilShell(page);
  expect(await counter(page)).toBe(second + 1);
});

test("a machine runs in one tab: another one says so, and can take it over", async ({ context }) => {
  const first = await boot(context);
  await run(first, `${DEFINE} && ${INCREMENT}`);
  const value = await counter(first);
  const second = await context.newPage();
  await second.goto("/?boot=1&kernel=small");
  const notice = second.getByRole("alert");
  await expect(notice).toContainText('The machine "PC" runs in another tab');
  await notice.getByRole("button", { name: "Take it over" }).click();
  await untilShell(second);
  expect(await counter(second)).toBe(value);
  await expect(first.locator(".notice")).toContainText("Another tab has taken over");
  await run(second, INCREMENT);
  await first.getByRole("button", { name: "Take it back" }).click();
  await untilShell(first);
  expect(await counter(first)).toBe(value + 1);
});

test("machines are made, renamed, copied and deleted, and boot by their address", async ({ page }) => {
  await page.goto("/?pane=machines");
  const pane = page.locator(".machines");
  const rows = pane.locator("[data-machine]");
  const names = () => rows.evaluateAll((all) => all.map((row) => (row as HTMLElement).dataset.machine));
  const answer = async (confirm: string, name?: string) => {
    const dialog = page.getByRole("dialog");
    if (name !== undefined) await dialog.getByLabel(/Name/).fill(name);
    await dialog.getByRole("button", { name: confirm }).click();
    await expect(dialog).toHaveCount(0);
  };
  await expect(pane).toContainText("No machine is kept yet.");
  await pane.getByRole("button", { name: "New machine…" }).click();
  await answer("Make", "Vault");
  await expect.poll(names).toEqual(["Vault"]);
  await pane.getByRole("button", { name: "Rename…" }).click();
  await answer("Rename", "Safe");
  await expect.poll(names).toEqual(["Safe"]);
  await pane.getByRole("button", { name: "Copy…" }).click();
  await answer("Copy", "Twin");
  await expect.poll(names).toEqual(["Safe", "Twin"]);
  await pane.getByRole("button", { name: "New machine…" }).click();
  await answer("Make", "Twin");
  await expect(page.getByRole("alert")).toContainText('There is a machine named "Twin" already');
  await rows.getByRole("button", { name: "Twin" }).click();
  await pane.getByRole("button", { name: "Delete…" }).click();
  await answer("Delete for good");
  await expect.poll(names).toEqual(["Safe"]);
  await expect(pane.locator("[data-room]")).toContainText(/the browser leaves it \d/);

  await page.goto("/?boot=1&kernel=small&machine=Safe");
  await untilShell(page);
  const machines = await page.evaluate(() => window.webtpm.machines());
  expect(machines.map(({ name, tpmSize }) => [name, tpmSize > 1000])).toEqual([["Safe", true]]);
});

test("an export is downloaded, and makes the same TPM where it is imported", async ({ browser }) => {
  const page = await boot(await browser.newContext());
  await run(page, `${DEFINE} && ${INCREMENT}`);
  const value = await counter(page);
  const pane = await storage(page);
  await pane.getByRole("button", { name: "Export…" }).click();
  await page.getByLabel("Passphrase (may be empty)").fill("open sesame");
  const downloading = page.waitForEvent("download");
  await page.getByRole("dialog").getByRole("button", { name: "Export" }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toBe("PC.webtpm.sealed");
  const path = await download.path();

  const elsewhere = await (await browser.newContext()).newPage();
  await elsewhere.goto("/?pane=machines&kernel=small");
  const there = elsewhere.locator(".machines");
  const choose = async (passphrase: string) => {
    await there.getByLabel("Import a machine from a file").setInputFiles({
      // As a browser may name it: that it is sealed shows in its contents.
      name: `${download.suggestedFilename()} (1)`,
      mimeType: "application/octet-stream",
      buffer: await (await import("node:fs/promises")).readFile(path),
    });
    await elsewhere.getByRole("dialog").getByLabel("Passphrase").fill(passphrase);
    await elsewhere.getByRole("dialog").getByRole("button", { name: "Import" }).click();
  };
  await choose("open barley");
  await expect(elsewhere.getByRole("alert")).toContainText("The passphrase is not the one of this export");
  await choose("open sesame");
  await expect(there.locator("[data-machine=PC]")).toBeVisible();
  await there.getByRole("button", { name: "Boot", exact: true }).click();
  await untilShell(elsewhere);
  expect(await counter(elsewhere)).toBe(value);
  await page.context().close();
  await elsewhere.context().close();
});
