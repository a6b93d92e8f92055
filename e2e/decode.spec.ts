/** The decoder: a page that needs no machine. Hex, captures and logs are explained, and go along in a link. */
import { readFile } from "node:fs/promises";
import { expect, type Page, test } from "@playwright/test";
import { fromHex } from "../src/protocol/bytes/hex.ts";
import { toPcap } from "../src/protocol/export/index.ts";
import { accessible } from "./accessible.ts";

const STARTUP = "80010000000c000001440000";
const REFUSED = "80010000000a00000100";
const LOG = "src/protocol/eventlog/testdata/efi-secure-boot.bin";

const SHOTS = process.env.WEBTPM_SHOTS;

/** Light and dark. */
async function looked(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/${name}-${colorScheme}.png` });
    await accessible(page, `${name}, ${colorScheme}`);
  }
}

test("explains hex, field by field, and hands it on in a link", async ({ page, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await page.goto("/?decode");
  await page.getByLabel("Bytes, in hex").fill(`${STARTUP}\n${REFUSED}`);
  await page.getByRole("button", { name: "Explain" }).click();
  const row = page.getByRole("row", { name: /TPM2_Startup/ });
  await expect(row).toContainText("INITIALIZE");
  // What failed opens at its reason.
  await expect(page.getByRole("region", { name: "Fields and bytes" })).toContainText("TPM_RC_INITIALIZE");
  await looked(page, "decode-hex");
  await page.getByRole("button", { name: "Copy a link to this" }).click();
  await expect(page.getByText("The link is on the clipboard.")).toBeVisible();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  const other = await context.newPage();
  await other.goto(link);
  await expect(other.getByRole("row", { name: /TPM2_Startup/ })).toContainText("INITIALIZE");
  expect(await other.evaluate(() => "webtpm" in window)).toBe(false);
});

test("explains a packet capture", async ({ page }) => {
  const entry = { duration: 1, request: fromHex(STARTUP), response: fromHex(REFUSED) };
  const buffer = Buffer.from(toPcap([1, 2, 3].map((time) => ({ time: 1e12 + time, ...entry }))));
  await page.goto("/?decode");
  await page.getByLabel("Open a file").setInputFiles({ name: "tpm.pcap", mimeType: "", buffer });
  await expect(page.getByRole("heading", { name: "tpm.pcap" })).toBeVisible();
  await expect(page.getByRole("row", { name: /TPM2_Startup/ })).toHaveCount(3);
});

test("explains a log that is dropped on the page", async ({ page }) => {
  const bytes = Array.from(await readFile(LOG));
  await page.goto("/?decode");
  await expect(page.getByText("Nothing yet")).toBeVisible();
  const transfer = await page.evaluateHandle((content) => {
    const data = new DataTransfer();
    data.items.add(new File([Uint8Array.from(content)], "binary_bios_measurements"));
    return data;
  }, bytes);
  await page.dispatchEvent("decode-page", "drop", { dataTransfer: transfer });
  await expect(page.getByRole("region", { name: "Event log" })).toContainText(
    "EV_EFI_VARIABLE_DRIVER_CONFIG",
  );
  await looked(page, "decode-log");
});

test("says what it cannot explain, and is no wider than a phone", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto("/?decode#d=cut");
  await expect(page.getByRole("alert")).toContainText(
    "What the link holds cannot be explained: the link was cut",
  );
  await page.getByLabel("Bytes, in hex").fill("hello");
  await page.getByRole("button", { name: "Explain" }).click();
  await expect(page.getByRole("alert")).toContainText("'h' is not a hexadecimal digit");
  await page.getByRole("button", { name: "PCR 16 is extended" }).click();
  await expect(page.getByRole("row", { name: /TPM2_PCR_Extend/ })).toContainText("success");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await looked(page, "decode-phone");
});
