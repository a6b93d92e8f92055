/** The page tells the truth about a boot: what was checked, where the firmware gave the TPM up, and that a guest has died. */
import { readFileSync } from "node:fs";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { OwnBridge, startSlowHop } from "./own-bridge.ts";
import { allowLink, untilShell } from "./page-guest.ts";

/** To the firmware's end, or a guest's, on a busy machine; in milliseconds. */
const BOOT_MS = 120_000;
/** TPM2_SelfTest with fullTest, which firmware sends, and Linux does not. */
const FULL_SELF_TEST = "0000000b0000014301";
/** Where screenshots go, for whoever wants to look at them. */
const SHOTS = process.env.WEBTPM_SHOTS;

const status = (page: Page, name: string): Locator => page.locator(`.status [data-name="${name}"]`);
const tab = (page: Page, name: string): Promise<void> => page.getByRole("tab", { name }).click();
const address = (url: string) => `/?boot=1&backend=bridge&bridge=${encodeURIComponent(url)}`;

async function shoot(page: Page, name: string): Promise<void> {
  if (!SHOTS) return;
  await page.screenshot({ path: `${SHOTS}/${name}-1280.png` });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.screenshot({ path: `${SHOTS}/${name}-390.png` });
  await page.setViewportSize({ width: 1280, height: 800 });
}

test("where the firmware gave the TPM up, status, PCRs and event log say so, at which command and what to do", async ({
  page,
  baseURL,
}) => {
  test.setTimeout(400_000);
  const bridge = new OwnBridge(new URL(baseURL!).origin);
  await bridge.start();
  let broken = true;
  const refuses = (message: Uint8Array) =>
    broken && Buffer.from(message).toString("hex").endsWith(FULL_SELF_TEST);
  const hop = await startSlowHop(bridge.url, () => 0, refuses);
  try {
    await page.goto(address(hop.url));
    await allowLink(page);
    await expect(status(page, "Boot")).toHaveText(/not measured: firmware gave up at TPM2_SelfTest/, {
      timeout: BOOT_MS,
    });
    await expect(status(page, "Boot")).toHaveAttribute("data-tone", "bad");
    await expect(status(page, "TPM")).not.toHaveAttribute("data-tone", "good");

    const title = "The firmware gave the TPM up at TPM2_SelfTest, its command 2: this boot is not measured.";
    const notice = page.getByRole("alert");
    await expect(notice).toContainText(title);
    await expect(notice).toContainText(
      "The TPM answered TPM_RC_FAILURE. The firmware has switched the TPM off for this boot.",
    );
    for (const pane of ["PCRs", "Event log"]) {
      await tab(page, pane);
      const banner = page.locator('.pane[data-side="right"]:not([hidden]) .boot-banner');
      await expect(banner).toContainText(title);
      await expect(banner).toContainText("Boot again.");
      await accessible(page, "the boot");
      await shoot(page, `gave-up-${pane.replace(" ", "-")}`);
    }

    const download = page.waitForEvent("download");
    await notice.getByRole("button", { name: "Save a report" }).click();
    const report = readFileSync(await (await download).path(), "utf8");
    expect(report).toContain(title);
    expect(report).toMatch(/^2 guest TPM2_SelfTest 80010000000b0000014301 -> TPM_RC_FAILURE /m);
    expect(report).toContain("SeaBIOS (version");

    broken = false;
    await notice.getByRole("button", { name: "Boot again" }).click();
    await expect(notice).toHaveCount(0);
    await expect(status(page, "Boot")).toHaveText(/boot measured, log and PCRs agree/, { timeout: BOOT_MS });
  } finally {
    hop.stop();
    await bridge.stop();
  }
});

test("of a boot that is fine it says what was checked, and is green from then on only", async ({ page }) => {
  await page.goto("/?boot=1&backend=bridge");
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { seen });
    const look = () => {
      const tone = (name: string) =>
        document.querySelector<HTMLElement>(`.status [data-name="${name}"]`)?.dataset.tone;
      seen.push(`${tone("TPM")} ${tone("Boot")}`);
      requestAnimationFrame(look);
    };
    look();
  });
  await expect(status(page, "Boot")).toHaveAttribute("data-tone", "good", { timeout: BOOT_MS });
  await untilShell(page);
  await expect(status(page, "TPM")).toHaveAttribute("data-tone", "good");
  const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen);
  expect(seen).toContain("plain busy");
  // Green without a measured boot was never seen.
  expect(seen.filter((tones) => /^good (?!good)/.test(tones))).toEqual([]);

  await tab(page, "PCRs");
  const banner = page.locator("tpm-pcrs .boot-banner");
  await expect(banner).toContainText("This boot was measured: its log leads to the TPM's values.");
  await banner.locator("summary").click();
  await expect(banner.getByRole("listitem")).toContainText([
    /the TPM answered, and nothing was switched off/,
    /all of PCR 0–7/,
    /events of the log give the TPM's values of PCR 0–9 \(sha1, sha256/,
    /operating system uses the TPM/,
  ]);
  await accessible(page, "the boot");
  await shoot(page, "measured");
});

test("a kernel's panic is noticed, and the machine can be booted again", async ({ page }) => {
  const cmdline = encodeURIComponent("console=ttyS0 loglevel=3 rdinit=/bin/busybox");
  await page.goto(`/?boot=1&backend=bridge&cmdline=${cmdline}`);
  await expect(status(page, "Guest")).toHaveText(/the guest has died: kernel panic/, { timeout: BOOT_MS });
  await expect(status(page, "Guest")).toHaveAttribute("data-tone", "bad");
  // What was measured before is as good as ever.
  await expect(status(page, "Boot")).toHaveText(/boot measured/);
  const notice = page.getByRole("alert");
  await expect(notice).toContainText("Attempted to kill init!");
  await accessible(page, "the boot");
  await shoot(page, "panic");
  await notice.getByRole("button", { name: "Boot again" }).click();
  await expect(notice).toHaveCount(0);
  await expect(status(page, "Guest")).toHaveText(/the guest has died: kernel panic/, { timeout: BOOT_MS });
});

test("firmware that finds nothing to boot is noticed", async ({ page }) => {
  await page.goto("/?backend=bridge");
  await page.locator("details", { hasText: "Kernel, command line, memory" }).locator("summary").click();
  const file = { name: "empty.img", mimeType: "application/octet-stream", buffer: Buffer.alloc(2 ** 20) };
  await page.getByLabel("Disk: pick a file").setInputFiles(file);
  await page.getByRole("button", { name: /^Boot .*empty\.img/ }).click();
  await expect(status(page, "Guest")).toHaveText(/nothing to boot was found/, { timeout: BOOT_MS });
  await expect(page.getByRole("alert")).toContainText("“No bootable device.");
  await expect(page.getByRole("alert").getByRole("button", { name: "Boot again" })).toBeVisible();
});
