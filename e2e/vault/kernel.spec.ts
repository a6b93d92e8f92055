/** A machine boots the kernel that it has booted, also when a faster one has come meanwhile. */
import { expect, type Page, test } from "@playwright/test";
import type { ImageManifest } from "../../src/session/images/manifest.ts";

const booted = (page: Page) => page.locator('status-line [data-name="Boots"]');

/** The server as it is before the small kernel has been built. */
const withoutSmall = (page: Page) =>
  page.route("**/images/manifest.json", async (route) => {
    const response = await route.fetch();
    const { kernels, hiddenState: _, prepared: __, ...rest } = (await response.json()) as ImageManifest;
    const { stock } = kernels;
    const manifest = { ...rest, kernels: { stock }, kernel: "stock", cmdline: stock.cmdline };
    await route.fulfill({
      json: { ...manifest, kernelBuild: { state: "building", percent: 50, message: "compiling" } },
    });
  });

test("what is booted first is booted again, until its owner takes the new kernel", async ({ page }) => {
  test.setTimeout(300_000);
  await withoutSmall(page);
  await page.goto("/?boot=1");
  await page.evaluate(() => window.webtpm.ready);
  await expect(booted(page)).toContainText("stock kernel");
  await expect
    .poll(() => page.evaluate(async () => (await window.webtpm.machines())[0]?.tpmSize ?? 0))
    .toBeGreaterThan(0);

  await page.unrouteAll();
  const notice = page.locator(".notice").filter({ hasText: "The small kernel is ready." });
  await expect(notice).toContainText("This machine goes on with the kernel that it has booted");
  await page.locator("#tab-machine").click();
  await page.getByRole("button", { name: "Restart: boot Linux" }).click();
  await expect(notice).toHaveCount(0);
  await page.evaluate(() => window.webtpm.ready);
  await expect(booted(page)).toContainText("stock kernel");

  // Also in the tab that is opened next.
  await page.goto("/?boot=1");
  await page.evaluate(() => window.webtpm.ready);
  await expect(booted(page)).toContainText("stock kernel");
  await page.locator("#tab-machine").click();
  await page.locator(".setup-more > summary").click();
  await expect(page.getByLabel("Kernel", { exact: true })).toContainText(
    "the one this machine has booted (stock)",
  );

  // Another machine is a new one.
  await page.goto("/?boot=1&machine=other");
  await page.evaluate(() => window.webtpm.ready);
  await expect(booted(page)).toContainText("small kernel");
});
