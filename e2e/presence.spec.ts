/** Physical presence on the page: what the guest and the page ask of the firmware, and what it did. */
import { expect, type Locator, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { run, untilShell } from "./page-guest.ts";

const part = (page: Page, name: string): Locator => page.locator(`[data-presence="${name}"]`);

/** A reset from within the guest, at which the firmware carries something out; until the shell is there again. */
async function reboot(page: Page): Promise<void> {
  await page.evaluate(() => window.webtpm.serial.send("busybox reboot\n"));
  await expect(part(page, "last")).toContainText("What came of it", { timeout: 120_000 });
  // The console begins anew at each reset.
  await untilShell(page);
}

test("a guest has its TPM cleared and its memory overwritten, and the page says so", async ({ page }) => {
  test.setTimeout(400_000);
  await page.goto("/?boot=1");
  await untilShell(page);
  await page.getByRole("tab", { name: "Machine", exact: true }).click();
  await expect(part(page, "pending")).toHaveText("nothing");
  await expect(part(page, "last")).toContainText("nothing since the machine was switched on");

  await run(page, "echo 5 > /sys/class/tpm/tpm0/ppi/request");
  await expect(part(page, "pending")).toContainText(/^Clear \(operation 5\), which clears the TPM/);
  await expect(part(page, "pending")).toContainText("asked for by the guest's operating system");
  await accessible(page, "physical presence", "physical-presence");

  await page.getByRole("button", { name: "Take it back" }).click();
  await expect(part(page, "pending")).toHaveText("nothing");
  await page.getByLabel("Ask the firmware for").selectOption("14");
  await page.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(part(page, "pending")).toContainText("asked for on this page");
  expect(await run(page, "cat /sys/class/tpm/tpm0/ppi/request")).toBe("14\n");

  // Bit 0 of MOVV, as the TPM device's _DSM sets it.
  await run(page, "busybox devmem 0xfed4515a 8 1");
  await expect(part(page, "memory")).toContainText("at the next reset");

  await reboot(page);
  await expect(part(page, "pending")).toHaveText("nothing");
  await expect(part(page, "last")).toContainText("Enable + Clear (operation 14)");
  await expect(part(page, "last")).toContainText("What came of it: done.");
  expect(await run(page, "cat /sys/class/tpm/tpm0/ppi/response")).toBe("14 0: Success\n");
  const names = await page.evaluate(() => window.webtpm.commands().map(({ name }) => name));
  expect(names).toContain("TPM2_Clear");
  await expect(part(page, "memory")).toContainText("was overwritten with zeros at the last reset");
  await expect(page.getByText("The guest's memory was overwritten.")).toBeVisible();
});
