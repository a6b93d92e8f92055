/** A start from the prepared machine: the guest of everybody, with a TPM of one's own. */
import { type Browser, expect, type Page, test } from "@playwright/test";
import { parsePcrRead, run, shownPcrs, untilShell } from "../page-guest.ts";

const DIFFERENCES = /The TPM is this machine's own/;
const ADDRESS = "/?boot=1&kernel=small&start=prepared";

/** A page with storage of its own, as somebody else has it. */
async function visitor(browser: Browser, address: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await page.goto(address);
  return page;
}

/** What a command prints. The terminal's answer to the new shell, about its cursor, may be echoed in between. */
const printed = async (page: Page, command: string) =>
  (await run(page, command)).replaceAll(/\^\[\[\d+;\d+R/g, "").trim();

/** The PCRs as the guest reads them. */
const guestPcrs = async (page: Page) =>
  parsePcrRead(await printed(page, "tpm2_pcrread sha256")).get("sha256")!;

/** What tells one TPM from another: its endorsement key, and what it draws. */
async function identity(page: Page): Promise<{ ek: string; random: string }> {
  const ek = await printed(
    page,
    "tpm2_createek -Q -c /tmp/ek.ctx -G ecc -u /tmp/ek.pub && tpm2_flushcontext -t && sha256sum < /tmp/ek.pub",
  );
  return { ek, random: await printed(page, "tpm2_getrandom --hex 16") };
}

for (const backend of ["bridge", "hidden"] as const) {
  test(`starts at the shell, with the measurements of a boot and a TPM of its own (${backend})`, async ({
    browser,
  }) => {
    const page = await visitor(browser, `${ADDRESS}&backend=${backend}`);
    await untilShell(page);
    await expect(page.locator(".notice", { hasText: "did not boot" })).toContainText(DIFFERENCES);
    // The guest was not started: the firmware has said nothing, and the kernel neither.
    const sent = await page.evaluate(() =>
      window.webtpm
        .commands()
        .filter(({ origin }) => origin === "guest")
        .map(({ name }) => name),
    );
    expect(sent).not.toContain("TPM2_Startup");

    const sha256 = await guestPcrs(page);
    expect(sha256.slice(0, 10).every((value) => !/^0+$/.test(value))).toBe(true);
    await expect.poll(() => shownPcrs(page, "sha256")).toEqual(sha256);
    await page.getByRole("tab", { name: "Event log" }).click();
    await expect(page.locator("#replay-verdict")).toContainText(
      "Replayed, the log gives exactly the TPM's sha256 values of PCR 0–9",
    );

    const first = await identity(page);
    await run(page, "tpm2_createprimary -Q -C o -G ecc -c /tmp/p.ctx && tpm2_flushcontext -t");
    await run(page, "tpm2_pcrextend 16:sha256=$(printf %064d 7)");

    const other = await visitor(browser, `${ADDRESS}&backend=${backend}`);
    await untilShell(other);
    expect(await guestPcrs(other)).toEqual(sha256);
    const second = await identity(other);
    expect(second.ek).toMatch(/^[0-9a-f]{64} /);
    expect(second.random).toMatch(/^[0-9a-f]{32}$/);
    expect(second.ek).not.toBe(first.ek);
    expect(second.random).not.toBe(first.random);
    await other.context().close();

    // The TPM is kept like any other: another boot finds the same one, and so does another prepared start.
    await page.reload();
    await untilShell(page);
    expect((await identity(page)).ek).toBe(first.ek);
    await page.context().close();
  });
}

test("a reset boots from power-on, with the same measurements", async ({ page }) => {
  await page.goto(ADDRESS);
  await untilShell(page);
  const prepared = await guestPcrs(page);
  await page.evaluate(() => window.webtpm.reset());
  await untilShell(page);
  await expect(page.locator(".notice", { hasText: "did not boot" })).toHaveCount(0);
  expect(await guestPcrs(page)).toEqual(prepared);
  const started = () =>
    page.evaluate(() =>
      window.webtpm.commands().some(({ origin, name }) => origin === "guest" && name === "TPM2_Startup"),
    );
  expect(await started()).toBe(true);
});

test("is offered where it fits, and the page says why it boots from power-on where it does not", async ({
  page,
}) => {
  await page.goto("/?kernel=small");
  const choice = page.getByRole("radio", { name: "from a prepared machine, in a second" });
  await expect(choice).toBeEnabled();
  await expect(page.getByRole("radio", { name: "from power-on" })).toBeChecked();
  await choice.check({ force: true });
  await expect(page.locator(".setup-from")).toContainText(DIFFERENCES);
  expect(new URL(page.url()).searchParams.get("start")).toBe("prepared");
  await page.getByRole("radio", { name: "TPM 1.2" }).check({ force: true });
  await expect(choice).toBeDisabled();
  await expect(page.locator(".setup-from")).toContainText("The prepared machine has a TPM 2.0.");

  await page.goto(`${ADDRESS}&memory=256`);
  await untilShell(page);
  await expect(page.locator(".notice", { hasText: "boots from power-on" })).toContainText(
    "The prepared machine has 128 MiB of memory.",
  );
});

test("a server without a prepared machine, and one whose file is damaged", async ({ page }) => {
  await page.route("**/manifest.json", async (route) => {
    const response = await route.fetch();
    const { prepared: _, ...manifest } = await response.json();
    await route.fulfill({ response, json: manifest });
  });
  await page.goto("/?kernel=small");
  await expect(page.locator(".setup-from")).toContainText("This server has no prepared machine yet");

  await page.unroute("**/manifest.json");
  const { gzipSync, gunzipSync } = await import("node:zlib");
  await page.route("**/prepared-start-*.bin.gz", async (route) => {
    const response = await route.fetch();
    const bytes = gunzipSync(await response.body());
    bytes[8] = 99;
    await route.fulfill({ response, body: gzipSync(bytes) });
  });
  await page.goto(ADDRESS);
  const alert = page.getByRole("alert");
  await expect(alert).toContainText("has format version 99, and this page reads version 1");
  await alert.getByRole("button", { name: "Boot from power-on" }).click();
  await untilShell(page);
});
