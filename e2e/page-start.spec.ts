/** The page before and without a machine: what it says, what it refuses, how it is reached. */
import { expect, test } from "@playwright/test";
import { accessible } from "./accessible.ts";

test("the first page says what to do, and can be used by keyboard", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("heading", { name: "Watch a PC measure its own boot" })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByText("Skip to the machine")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("tab", { name: "Machine" })).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("tab", { name: "Serial console" })).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Home");
  await expect(page.getByRole("button", { name: "Boot Linux with a TPM" }).first()).toBeVisible();
  await accessible(page, "the first page");
});

test("the address carries settings, and a wrong one is explained", async ({ page }) => {
  await page.goto("/?tpm=1.2&memory=256&pane=registers&bogus=1&kernel=huge");
  await expect(page.getByRole("radio", { name: "TPM 1.2" })).toBeChecked();
  await expect(page.getByRole("tab", { name: "Registers" })).toHaveAttribute("aria-selected", "true");
  const notice = page.locator(".notice");
  await expect(notice).toContainText('a parameter "bogus", which this page does not know');
  await expect(notice).toContainText('kernel="huge", but kernel must be "auto" or "small" or "stock"');
  await page.getByRole("button", { name: /^Dismiss/ }).click();
  await expect(notice).toHaveCount(0);
  await page.getByRole("radio", { name: "TPM 2.0" }).check();
  const { searchParams } = new URL(page.url());
  expect(searchParams.get("tpm")).toBeNull();
  expect(searchParams.get("memory")).toBe("256");
});

test("the console API refuses in words what needs a machine", async ({ page }) => {
  await page.goto("/");
  await page.waitForFunction(() => "webtpm" in window);
  const refused = await page.evaluate(() =>
    window.webtpm.command("8001").catch((error: Error) => error.message),
  );
  expect(refused).toContain("boot the machine first");
  expect(await page.evaluate(() => window.webtpm.commands())).toEqual([]);
});

test("an image that cannot be had is named, with the next step", async ({ page }) => {
  await page.goto("/?boot=1&cdrom=/no-such.iso");
  const notice = page.getByRole("alert");
  await expect(notice).toContainText("The machine could not be started.");
  await expect(notice).toContainText("no-such.iso");
  await expect(notice.getByRole("button", { name: "Try again" })).toBeVisible();
});

test("colours follow the system until the user chooses", async ({ page }) => {
  await page.emulateMedia({ colorScheme: "dark" });
  await page.goto("/");
  const root = page.locator("html");
  await expect(root).toHaveAttribute("data-theme", "dark");
  await page.getByRole("button", { name: "Light colours" }).click();
  await expect(root).toHaveAttribute("data-theme", "light");
  await page.reload();
  await expect(root).toHaveAttribute("data-theme", "light");
});
