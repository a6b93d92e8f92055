/** Secure Boot in the page: keys put in while the machine is off, a signed kernel, a changed one, and what PCR 7 says. */
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, type Route, test } from "@playwright/test";
import { parsePcrRead, run, shownPcrs, untilShell } from "./page-guest.ts";

/** From power-on to the shell on a busy machine, in milliseconds. */
const BOOT_MS = 900_000;
const EFIVARS = "/sys/firmware/efi/efivars";
const SECURE_BOOT = `${EFIVARS}/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c`;
/** Where screenshots go, for whoever wants to look at them. */
const SHOTS = process.env.WEBTPM_SHOTS;

const mode = (page: Page) => page.locator("[data-secure-boot]");
const pcr7 = async (page: Page) => (await shownPcrs(page, "sha256"))[7];

async function openPane(page: Page): Promise<void> {
  await page.getByRole("tab", { name: "UEFI" }).click();
}

test.describe("Secure Boot", () => {
  test.describe.configure({ mode: "serial", timeout: BOOT_MS });
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    page = await (await browser.newContext({ colorScheme: "light" })).newPage();
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto("/?backend=bridge&firmware=uefi");
  });
  test.afterAll(() => page.context().close());

  test("begins in setup mode, and is on when keys were put in", async () => {
    await openPane(page);
    await expect(mode(page)).toHaveAttribute("data-secure-boot", "setup");
    await page.getByRole("button", { name: "Put this server’s keys in" }).click();
    await expect(mode(page)).toHaveAttribute("data-secure-boot", "on");
    await expect(page.getByText("“WebTPM platform key”")).toBeVisible();
    const { violations } = await new AxeBuilder({ page }).analyze();
    expect(violations.map(({ id }) => id)).toEqual([]);
  });

  let accepted: string | undefined;
  test("starts the signed kernel, which sees that it is on", async () => {
    await page.locator("#uefi-signature").selectOption("signed");
    await expect(page).toHaveURL(/signature=signed/);
    await page
      .getByRole("region", { name: "UEFI" })
      .getByRole("button", { name: "Boot", exact: true })
      .click();
    await untilShell(page, BOOT_MS);
    await run(page, `mount -t efivarfs efivarfs ${EFIVARS}`);
    expect((await run(page, `od -An -tu1 ${SECURE_BOOT}`)).trim()).toMatch(/^6\s+0\s+0\s+0\s+1$/);
    expect(await run(page, "dmesg")).toMatch(/secureboot: Secure boot enabled/i);
    accepted = await pcr7(page);
    expect(accepted).toBe(parsePcrRead(await run(page, "tpm2_pcrread sha256:7")).get("sha256")?.[7]);
    await page.getByRole("tab", { name: "Event log" }).click();
    await expect(page.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
    await openPane(page);
    await expect(page.getByText(/in the flash of the machine that runs/)).toBeVisible();
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/secure-boot.png` });
  });

  test("refuses the same kernel with one bit changed, and PCR 7 is another", async () => {
    await page.locator("#uefi-signature").selectOption("tampered");
    await page
      .getByRole("region", { name: "UEFI" })
      .getByRole("button", { name: "Boot", exact: true })
      .click();
    await page.evaluate(() => window.webtpm.ready);
    await page.waitForFunction(
      () => /failed to load the kernel: Access Denied/.test(window.webtpm.serial.text()),
      undefined,
      { timeout: BOOT_MS },
    );
    await expect.poll(() => pcr7(page)).not.toBe(accepted);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/secure-boot-refused.png` });
  });

  test("is off again when the keys were taken out of the machine, which boots anew by itself", async () => {
    await openPane(page);
    await page.locator("#uefi-signature").selectOption("none");
    await page.getByRole("button", { name: "Take all keys out" }).click();
    await untilShell(page, BOOT_MS);
    await run(page, `mount -t efivarfs efivarfs ${EFIVARS}`);
    expect((await run(page, `od -An -tu1 ${SECURE_BOOT}`)).trim()).toMatch(/^6\s+0\s+0\s+0\s+0$/);
    await openPane(page);
    await expect(mode(page)).toHaveAttribute("data-secure-boot", "setup");
  });

  test("has the factory's variables when they were asked for", async () => {
    await openPane(page);
    await page.getByRole("button", { name: "Back to the factory’s…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Reset the variables" }).click();
    await expect(page.getByText(/as they leave the factory|in the flash of the machine/)).toBeVisible();
    await expect(page.locator(".uefi-name", { hasText: /^WebTpmTest/ })).toHaveCount(0);
  });
});

/** What is kept of the variables holds none any more, as after a guest that has erased its flash. */
async function eraseKept(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>) =>
      new Promise<T>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const name = (await indexedDB.databases()).find((one) => one.name?.startsWith("webtpm"))?.name ?? "";
    const database = await done(indexedDB.open(name));
    const flashes = (mode: IDBTransactionMode) =>
      database.transaction("flashes", mode).objectStore("flashes");
    const key = (await done(flashes("readonly").getAllKeys()))[0] as IDBValidKey;
    const stored = await done(flashes("readonly").get(key));
    const bytes = new Uint8Array(stored.bytes.length).fill(0xff);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    await done(flashes("readwrite").put({ ...stored, bytes, sha256 }, key));
    database.close();
  });
}

test("a flash that was erased is told of, and can have the factory's variables again", async ({ page }) => {
  await page.goto("/?backend=bridge&firmware=uefi");
  await openPane(page);
  await page.getByRole("button", { name: "Put this server’s keys in" }).click();
  await expect(mode(page)).toHaveAttribute("data-secure-boot", "on");
  await eraseKept(page);
  await page.reload();
  await openPane(page);
  await expect(page.getByText("holds no variables that can be read")).toBeVisible();
  await expect(mode(page)).toHaveCount(0);
  await page.getByRole("button", { name: "Back to the factory’s…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reset the variables" }).click();
  await expect(mode(page)).toHaveAttribute("data-secure-boot", "setup");
  await expect(page.getByText("holds no variables that can be read")).toHaveCount(0);
});

test("a flash that was erased is not booted, where the firmware would hang, but the factory's is", async ({
  page,
}) => {
  test.setTimeout(BOOT_MS);
  await page.goto("/?backend=bridge&firmware=uefi");
  await openPane(page);
  await page.getByRole("button", { name: "Put this server’s keys in" }).click();
  await expect(mode(page)).toHaveAttribute("data-secure-boot", "on");
  await eraseKept(page);
  const refusal = await page.evaluate(() =>
    window.webtpm.boot().then(String, (error: Error) => error.message),
  );
  expect(refusal).toContain("holds no variables that UEFI firmware can read");
  await page.getByRole("button", { name: "Boot with the factory’s variables" }).click();
  await untilShell(page, BOOT_MS);
  await expect(mode(page)).toHaveAttribute("data-secure-boot", "setup");
});

test("a machine that is booted while a change is under way has it", async ({ page, context }) => {
  test.setTimeout(BOOT_MS);
  await page.goto("/?backend=bridge&firmware=uefi");
  const manifest = await (await page.request.get("/images/manifest.json")).json();
  const kernel = manifest.kernels[manifest.kernel].efi.url;
  let give = () => {};
  const asked = new Promise<void>((resolve) => {
    const given = new Promise<void>((now) => {
      give = now;
    });
    const hold = async (route: Route) => {
      resolve();
      await given;
      await route.continue();
    };
    // The boot's own download of it is let through.
    void page.route(`**/${kernel}`, hold, { times: 1 });
  });
  await openPane(page);
  await page.getByRole("button", { name: "Put this server’s keys in" }).click();
  await expect(mode(page)).toHaveAttribute("data-secure-boot", "on");
  await page.getByRole("button", { name: "Revoke this server’s kernel" }).click();
  await asked;
  const boot = page.getByRole("region", { name: "UEFI" }).getByRole("button", { name: "Boot", exact: true });
  await boot.click();
  await expect(boot).toBeDisabled();
  // While another machine is made, this one has had the time to be made without the change.
  const other = await context.newPage();
  await other.goto("/?backend=bridge&firmware=uefi&machine=Other&boot=1");
  await other.evaluate(() => window.webtpm.ready);
  await other.close();
  give();
  await page.evaluate(() => window.webtpm.ready);
  await expect(page.getByText(/in the flash of the machine that runs/)).toBeVisible();
  await expect(page.getByText("Revoked images: 1.")).toBeVisible();
});
