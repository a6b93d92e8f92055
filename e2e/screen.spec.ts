/** The guest's screen shows the machine as it stands now: not an earlier boot, nor an earlier moment of this one. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";

const BOOT_MS = 120_000;

/**
 * A boot sector that prints what comes in by the serial port on the screen (int 10h, function 0Eh) and sends it back;
 * first of all it says so.
 */
function echoDisk(): Buffer {
  const image = Buffer.alloc(2 ** 20);
  const code = [
    "31c0 8ed8", // ds = 0
    "b003 cd10", // text mode, cleared
    "baf803 b03e ee", // ">" to the serial port
    "bafd03 ec a801 74f8", // wait for a character
    "baf803 ec 88c3", // read it
    "b40e b700 50 bb0700 cd10 58", // on the screen
    "baf803 ee ebe3", // and back
  ];
  image.write(code.join("").replaceAll(" ", ""), "hex");
  image.writeUInt16LE(0xaa55, 510);
  return image;
}

const serial = (page: Page) => page.evaluate(() => window.webtpm.serial.text());
const screen = (page: Page) => page.locator(".vga-container");
const show = (page: Page, tab: string) => page.getByRole("tab", { name: tab }).click();

async function type(page: Page, text: string): Promise<void> {
  await page.evaluate((typed) => window.webtpm.serial.send(typed), text);
  await expect.poll(() => serial(page)).toContain(text);
}

test("a machine that stands still, or was reset, shows what it shows", async ({ page }) => {
  const folder = mkdtempSync(join(tmpdir(), "webtpm-screen-"));
  try {
    const path = join(folder, "echo.img");
    writeFileSync(path, echoDisk());
    await page.goto("/?backend=bridge");
    await page.locator("details", { hasText: "Kernel, command line, memory" }).locator("summary").click();
    await page.getByLabel("Disk: pick a file").setInputFiles(path);
    await page.getByRole("button", { name: /^Boot .*echo\.img/ }).click();
    await expect.poll(() => serial(page), { timeout: BOOT_MS }).toContain(">");
    await show(page, "Screen");
    await type(page, "first");
    await expect(screen(page)).toContainText("first");

    // Out of sight something is written, and then the machine is paused.
    await show(page, "Serial console");
    await type(page, "second");
    await page.getByRole("button", { name: "Pause" }).click();
    await show(page, "Screen");
    await expect(screen(page)).toContainText("firstsecond");

    // Reset while it is out of sight, and paused as soon as that can be.
    await show(page, "Serial console");
    await page.evaluate(() => void window.webtpm.reset());
    await page.getByRole("button", { name: "Pause" }).click();
    await show(page, "Screen");
    await expect(page.getByRole("button", { name: "Go on" })).toBeVisible();
    await expect(screen(page)).not.toContainText("second");
    await page.getByRole("button", { name: "Go on" }).click();
    await expect.poll(() => serial(page), { timeout: BOOT_MS }).toContain(">");
    await type(page, "third");
    await expect(screen(page)).toContainText("third");
    await expect(screen(page)).not.toContainText("second");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a disk that is chosen beside a kernel is among what the firmware can boot", async ({ page }) => {
  await page.goto("/?backend=bridge&boot=1&kernel=stock&menu=1&hda=empty:64MiB&pane=screen");
  await show(page, "Screen");
  await expect(screen(page)).toContainText("Press ESC for boot menu", { timeout: BOOT_MS });
  await screen(page).click();
  await page.keyboard.press("Escape");
  await expect(screen(page)).toContainText("Select boot device");
  // The disk, and the kernel, which comes as an option ROM.
  await expect(screen(page)).toContainText(/\d\. ata0-0: .* Hard-Disk \(64 MiBytes\)/);
  await expect(screen(page)).toContainText(/\d\. .*(Linux|ROM)/);
});
