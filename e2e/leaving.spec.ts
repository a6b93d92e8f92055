/** Nothing that a person does ends a guest without a word: the bench, another machine, a reset after work, closing the tab. */
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { run, untilShell } from "./page-guest.ts";

const question = (page: Page) => page.getByRole("dialog");

/** Types to the guest as a person does, and waits for its answer. */
async function type(page: Page, line: string, answer: string): Promise<void> {
  await page.locator("#tab-serial").click();
  await page.locator(".serial-box textarea").focus();
  await page.keyboard.type(line);
  await page.keyboard.press("Enter");
  await page.waitForFunction((text) => window.webtpm.serial.text().includes(text), answer);
}

test("a guest that lives is not ended without a word", async ({ page }) => {
  test.setTimeout(300_000);
  await page.goto("/?boot=1&start=prepared");
  await untilShell(page);
  await run(page, "echo kept > /tmp/work");

  await test.step("the bench, from a lesson and from the registers", async () => {
    await page.locator("#tab-lessons").click();
    await page.getByRole("button", { name: "Talk to the TPM by hand" }).click();
    await page.getByRole("button", { name: "Put a TPM on the bench" }).click();
    await expect(question(page)).toContainText("the machine that runs now is switched off for it");
    await expect(question(page)).toContainText("The TPM of “PC” is kept");
    expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
    await page.keyboard.press("Escape");
    await expect(question(page)).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Put a TPM on the bench" })).toBeFocused();
    expect(await run(page, "cat /tmp/work")).toBe("kept\n");
  });

  await test.step("a reset, and the tab, once somebody has typed to it", async () => {
    await type(page, "echo ty''ped", "typed");
    await page.getByRole("button", { name: "Reset", exact: true }).click();
    await expect(question(page)).toContainText("Reset the machine?");
    await question(page).getByRole("button", { name: "Cancel" }).click();
    const asked = new Promise<string>((resolve) =>
      page.once("dialog", async (dialog) => {
        resolve(dialog.type());
        await dialog.dismiss();
      }),
    );
    await page.close({ runBeforeUnload: true });
    expect(await asked).toBe("beforeunload");
    expect(await run(page, "cat /tmp/work")).toBe("kept\n");
  });

  await test.step("with a snapshot first", async () => {
    await page.locator("#tab-lessons").click();
    await page.getByRole("button", { name: "Put a TPM on the bench" }).click();
    await question(page).getByRole("button", { name: "Take a snapshot first" }).click();
    await expect(page.locator('status-line [data-name="Guest"]')).toContainText("no machine yet");
    const machines = await page.evaluate(() => window.webtpm.machines());
    expect(machines.flatMap(({ snapshots }) => snapshots.map(({ name }) => name))).toEqual([
      "before it was switched off",
    ]);
  });
});
