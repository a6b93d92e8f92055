/** What a newcomer sees in the first minute: how far the boot is, values to compare, why a command failed, a line typed once. */
import AxeBuilder from "@axe-core/playwright";
import { expect, test } from "@playwright/test";
import { untilShell } from "./page-guest.ts";

test("the first minute", async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto("/");
  const progress = page.locator(".boot-progress");

  await test.step("a boot says its phase, its time, and why it matters", async () => {
    await page.getByRole("button", { name: /^Boot Linux/ }).click();
    await expect(progress).toContainText("The firmware starts");
    await expect(progress).toContainText(/\d+ s/);
    await expect(progress).toContainText("It measures each part into the TPM before it runs it.");
    await untilShell(page);
    await expect(progress).toHaveCount(0);
  });

  await test.step("the next one knows how long it usually takes", async () => {
    await page.getByRole("button", { name: "Reset", exact: true }).click();
    await expect(progress).toContainText(/usually \d+ s to the shell/);
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await untilShell(page);
    await expect(progress).toHaveCount(0);
  });

  await test.step("a PCR's value stands in one line, on a phone too", async () => {
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      await page.getByRole("tab", { name: "PCRs" }).click();
      for (const bank of ["sha256", "sha512"]) {
        await page.locator(`input[name="pcr-bank"][value="${bank}"]`).check({ force: true });
        const lines = await page
          .locator(".pcrs tr[data-pcr='0'] .digest")
          .evaluate((digest) => digest.getClientRects().length);
        expect(lines, `${bank} at ${width}`).toBe(1);
      }
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  await test.step("a command that failed opens at its reason", async () => {
    await page.evaluate(() => window.webtpm.serial.send("tpm2_nvreadpublic 0x1800042\n"));
    await page.getByRole("tab", { name: "Commands" }).click();
    await page
      .getByRole("row", { name: /TPM2_NV_ReadPublic.*HANDLE/ })
      .first()
      .click();
    await expect(page.getByRole("region", { name: "Fields and bytes" })).toContainText("TPM_RC_HANDLE");
    await expect(page.getByRole("radio", { name: "response" })).toBeChecked();
  });

  await test.step("a line is typed once, however often one asks for it", async () => {
    await page.goto("/?boot=1#lesson=random&step=1");
    await untilShell(page);
    const type = page.getByRole("button", { name: /^Type it for me/ }).first();
    await expect(type).toBeEnabled();
    await type.evaluate((button: HTMLButtonElement) => {
      for (let i = 0; i < 3; i++) button.click();
    });
    await expect(type).toHaveText("Type it for me");
    await expect(type).toBeEnabled();
    const line = ((await type.getAttribute("aria-label")) ?? "").replace("Type it for me: ", "");
    await expect
      .poll(() => page.evaluate((text) => window.webtpm.serial.text().split(text).length - 1, line))
      .toBe(1);
  });
});
