/** Event logs of other machines, opened from files in Chromium, with no machine running here. */
import { expect, type Page, test } from "@playwright/test";
import { log20 } from "../src/protocol/eventlog/testing.ts";
import { joined } from "../src/protocol/eventlog/testing-data.ts";
import { imaBinary } from "../src/protocol/eventlog/testing-ima.ts";
import { LOG_SHAPES } from "../src/protocol/eventlog/testing-shapes.ts";
import { accessible } from "./accessible.ts";

const SHOTS = process.env.WEBTPM_SHOTS;

async function shot(page: Page, name: string): Promise<void> {
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}.png` });
}

test.describe("a log from a file", () => {
  test.beforeEach(async ({ page }) => {
    await page.goto("/?pane=eventlog");
  });

  const pane = (page: Page) => page.locator("tpm-event-log");
  async function open(page: Page, bytes: Uint8Array, name = "other.bin"): Promise<void> {
    const file = { name, mimeType: "application/octet-stream", buffer: Buffer.from(bytes) };
    await pane(page).getByLabel("Open an event log").setInputFiles(file);
  }
  const shape = (name: string) => LOG_SHAPES[name]?.bytes as Uint8Array;

  test("of Windows has its records taken apart", async ({ page }) => {
    await open(page, shape("a WBCL of Windows"));
    const event = pane(page).locator(".event").filter({ hasText: "ntoskrnl.exe" });
    await event.locator("summary").click();
    await expect(event).toContainText("TRUSTBOUNDARY › LOADEDMODULE_AGGREGATION › HASHALGORITHMID");
    await expect(event).toContainText("Windows (its boot manager, loader or kernel)");
    await shot(page, "wbcl");
    await accessible(page, "the event log", "tpm-event-log");
  });

  test("of a confidential VM speaks of RTMRs", async ({ page }) => {
    await open(page, shape("a CCEL of a confidential VM in its area"), "ccel.bin");
    await expect(pane(page).locator("#replay-verdict")).toContainText("RTMR[2]: ");
    await expect(pane(page).locator(".event-pcr").last()).toHaveText("RTMR[3]");
    await expect(pane(page).locator(".event-pcr").first()).toHaveText("MRTD");
    await shot(page, "ccel");
  });

  test("with very many events and problems is shown in parts, and the limits are named", async ({ page }) => {
    // 2.1 MB of the shortest events there are, all wrong.
    const flood = new Uint8Array(131_000 * 16).map((_, at) => (at % 16 === 4 ? 5 : 0));
    await open(page, joined(log20(["sha256"], []), flood), "flood.bin");
    await expect(pane(page).locator(".pane-foot")).toContainText("flood.bin: format 2.0, 100000 events");
    await expect(pane(page).locator(".event")).toHaveCount(1000);
    await expect(pane(page)).toContainText("At byte 65: event 1 has no sha256 digest");
    await expect(pane(page)).toContainText("The first 1000 of 100000 are shown.");
    await pane(page).getByRole("button", { name: "Show more" }).click();
    await expect(pane(page).locator(".event")).toHaveCount(2000);
    await shot(page, "flood");
  });

  test("that holds a list of Linux's IMA is sent there", async ({ page }) => {
    await open(page, imaBinary("sha256"));
    await expect(pane(page).getByRole("alert")).toContainText("open it under “Linux’s list”");
    await pane(page).getByText("Linux’s list", { exact: true }).click();
    await pane(page)
      .getByLabel("Open an IMA list")
      .setInputFiles({
        name: "ima.bin",
        mimeType: "application/octet-stream",
        buffer: Buffer.from(imaBinary("sha256")),
      });
    const entry = pane(page).locator(".event").filter({ hasText: "/bin/sh" });
    await entry.locator("summary").click();
    await expect(entry).toContainText("sha256 of the entry");
    await expect(entry).toContainText("the hash of the entry's fields");
    await shot(page, "ima");
  });
});
