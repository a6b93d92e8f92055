/** A PC with UEFI in the page: OVMF on v86 measures into the TPM, and starts Linux, which finds its log. */
import { expect, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { parsePcrRead, run, shownPcrs, untilShell } from "./page-guest.ts";

/** From power-on to the shell on a busy machine, in milliseconds. */
const BOOT_MS = 900_000;
const MEASUREMENTS = "/sys/kernel/security/tpm0/binary_bios_measurements";
const EFIVARS = "/sys/firmware/efi/efivars";
const VARIABLE = "WebTpmTest-6e1b2c0a-9c0d-4c5e-8f57-3f8f1b6a9d10";
/** Where screenshots go, for whoever wants to look at them. */
const SHOTS = process.env.WEBTPM_SHOTS;

const status = (page: Page, name: string) => page.locator(`.status [data-name="${name}"]`);

async function shoot(page: Page, name: string): Promise<void> {
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/uefi-${name}.png` });
}

async function readVariable(page: Page): Promise<string> {
  await run(page, `mount -t efivarfs efivarfs ${EFIVARS}`);
  return (await run(page, `tail -c +5 ${EFIVARS}/${VARIABLE}; echo`)).trim();
}

test.describe("a PC with UEFI", () => {
  test.describe.configure({ mode: "serial", timeout: BOOT_MS });
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    test.setTimeout(BOOT_MS);
    page = await (await browser.newContext({ colorScheme: "light" })).newPage();
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto("/?backend=bridge");
    await page.locator(".setup").getByText("UEFI", { exact: true }).click();
    await expect(page).toHaveURL(/firmware=uefi/);
    await page.getByRole("button", { name: /^Boot Linux with a TPM/ }).click();
  });
  test.afterAll(() => page.context().close());

  test("draws the firmware's screen", async () => {
    await page.getByRole("tab", { name: "Screen" }).click();
    const canvas = page.locator(".vga canvas");
    await expect(canvas).toBeVisible({ timeout: BOOT_MS });
    // Something is lit on it.
    const lit = () =>
      canvas.evaluate((element: HTMLCanvasElement) => {
        const { width, height } = element;
        const { data } = element.getContext("2d")!.getImageData(0, 0, width, height);
        return width >= 640 && data.some((value, at) => at % 4 < 3 && value > 64);
      });
    await expect.poll(lit, { timeout: BOOT_MS }).toBe(true);
    await shoot(page, "screen");
  });

  test("comes to a shell that knows of its firmware", async () => {
    await untilShell(page, BOOT_MS);
    expect(await run(page, "ls /sys/firmware/efi")).toContain("systab");
    const log = await run(page, "dmesg");
    expect(log).toMatch(/efi: EFI v2\.\d+ by EDK II/);
    expect(log).toContain("TPMEventLog=");
    expect(log).toContain("ACPI: TPM2 ");
  });

  test("has a log that leads to the TPM's values, and the page says so", async () => {
    const pcrs = parsePcrRead(await run(page, "tpm2_pcrread sha256")).get("sha256");
    await expect.poll(() => shownPcrs(page, "sha256")).toEqual(pcrs);
    await page.getByRole("tab", { name: "Event log" }).click();
    await expect(page.locator("#replay-verdict")).toHaveText(
      /^\s*Replayed, the log gives exactly the TPM's sha\d+ values of PCR 0–7, 9\./,
    );
    await expect(page.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
    await expect(status(page, "Boot")).toHaveText(/boot measured, log and PCRs agree/);
    await shoot(page, "log");
  });

  test("gives the guest the same log, which tpm2-tools read", async () => {
    const events = await page.evaluate(() => window.webtpm.eventLog());
    expect(events.length).toBeGreaterThan(20);
    expect(Number(await run(page, `tpm2_eventlog ${MEASUREMENTS} | grep -c EventType:`))).toBe(events.length);
  });

  test("is accessible where it is set up", async () => {
    await page.getByRole("tab", { name: "Machine" }).click();
    await accessible(page, "the set-up of UEFI");
    await shoot(page, "setup");
  });

  test("keeps a variable that the guest writes: over its reboot and over the page's end", async () => {
    await run(page, `mount -t efivarfs efivarfs ${EFIVARS}`);
    // Attributes: kept, and there for firmware and operating system; then the value.
    await run(page, `printf '\\007\\000\\000\\000kept' > ${EFIVARS}/${VARIABLE}`);
    await page.evaluate(() => window.webtpm.serial.send("reboot -f\n"));
    // The console of the page begins anew with the machine.
    await expect
      .poll(() => page.evaluate(() => window.webtpm.serial.text()), { timeout: BOOT_MS })
      .toMatch(/^(?![\s\S]*reboot -f)[\s\S]*webtpm# /);
    await expect(status(page, "Boot")).toHaveText(/boot measured, log and PCRs agree/, { timeout: 60_000 });
    expect(await readVariable(page)).toBe("kept");
    const context = page.context();
    await page.close();
    page = await context.newPage();
    await page.goto("/?backend=bridge&firmware=uefi&boot=1");
    await untilShell(page, BOOT_MS);
    expect(await readVariable(page)).toBe("kept");
  });
});
