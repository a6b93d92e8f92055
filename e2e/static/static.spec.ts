/**
 * The boot acceptance from a static build: a plain file server that sends no headers, no bridge, nothing else. Then
 * once more with neither server nor network.
 */
import { type BrowserContext, expect, type Page, test } from "@playwright/test";
import { parsePcrRead, run, shownPcrs, untilShell } from "../page-guest.ts";
import { buildDirectory } from "./build.ts";
import { FileServer } from "./file-server.ts";
import { countLoads, statusOf, untilKept, untilStarted } from "./page-static.ts";

test.describe.configure({ mode: "serial" });

let server: FileServer;
let context: BrowserContext;

test.beforeAll(async ({ browser }) => {
  server = new FileServer(buildDirectory());
  await server.start();
  context = await browser.newContext();
});
test.afterAll(async () => {
  await context.close();
  await server.stop();
});

async function boot(query: string): Promise<{ page: Page; loads: number }> {
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error("page:", error));
  const loads = countLoads(page);
  await page.goto(`${server.url}${query}`);
  await untilStarted(page);
  await untilShell(page);
  return { page, loads: loads() };
}

async function saysWhoServes(page: Page): Promise<void> {
  await expect(statusOf(page, "Backend")).toHaveText(/swtpm in a hidden machine, [\d.]+ MiB of memory/);
  await expect(statusOf(page, "Device")).toContainText("in a worker (isolated)");
}

async function replays(page: Page): Promise<void> {
  await page.getByRole("tab", { name: "Event log" }).click();
  await expect(page.locator("#replay-verdict")).toHaveText(
    /^\s*Replayed, the log gives exactly the TPM's sha\d+ values of PCR 0–\d+\./,
  );
  await expect(page.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
  expect(await page.evaluate(() => window.webtpm.eventLog().length)).toBeGreaterThan(10);
}

async function accepts20(page: Page): Promise<void> {
  await saysWhoServes(page);
  const log = await run(page, "dmesg");
  expect(log).toContain("ACPI: TPM2 ");
  expect(log).toContain("tpm_tis MSFT0101:00: 2.0 TPM (device-id 0x1, rev-id 1)");
  await replays(page);
  await usesTools(page);
  const banks = parsePcrRead(await run(page, "tpm2_pcrread"));
  expect([...banks.keys()]).toContain("sha256");
  for (const [bank, values] of banks) await expect.poll(() => shownPcrs(page, bank)).toEqual(values);
}

async function usesTools(page: Page): Promise<void> {
  await run(page, "cd /tmp && tpm2_createprimary -Q -G ecc -c primary.ctx");
  await run(page, "tpm2_create -Q -C primary.ctx -G ecc -u key.pub -r key.priv && tpm2_flushcontext -t");
  await run(page, "tpm2_load -Q -C primary.ctx -u key.pub -r key.priv -c key.ctx && tpm2_flushcontext -t");
  await run(page, "echo hello > message && tpm2_sign -Q -c key.ctx -g sha256 -o signature message");
  await run(
    page,
    "tpm2_flushcontext -t; tpm2_verifysignature -Q -c key.ctx -g sha256 -m message -s signature",
  );
  await run(page, "tpm2_flushcontext -t; echo bye > message");
  await run(page, "tpm2_verifysignature -Q -c key.ctx -g sha256 -m message -s signature", 1);
  await run(page, "tpm2_flushcontext -t");
  await run(page, "tpm2_nvdefine -Q 0x1500016 -C o -s 6 && echo hello | tpm2_nvwrite -Q 0x1500016 -C o -i -");
  expect(await run(page, "tpm2_nvread 0x1500016 -C o -s 6")).toBe("hello\n");
  // The page may keep its TPM for the next one.
  await run(page, "tpm2_nvundefine -C o 0x1500016");
  const random = await run(page, "tpm2_getrandom --hex 16");
  expect(random).toMatch(/^[0-9a-f]{32}$/);
  expect(await run(page, "tpm2_getrandom --hex 16")).not.toBe(random);
}

async function accepts12(page: Page): Promise<void> {
  await saysWhoServes(page);
  const log = await run(page, "dmesg");
  expect(log).toMatch(/ACPI: TCPA .* 000032/);
  expect(log).toMatch(/tpm_tis 00:\w+: 1\.2 TPM \(device-id 0x1, rev-id 1\)/);
  const text = await run(page, "cat /sys/class/tpm/tpm0/pcrs");
  const values = Array.from(text.matchAll(/^PCR-\d+: ([0-9A-F ]+)$/gm), ([, hex = ""]) =>
    hex.replaceAll(" ", "").toLowerCase(),
  );
  expect(values).toHaveLength(24);
  await expect.poll(() => shownPcrs(page, "sha1")).toEqual(values);
  await replays(page);
}

test("TPM 2.0 from a plain file server, after one reload", async () => {
  const { page, loads } = await boot("?boot=1");
  expect(loads).toBe(2);
  await accepts20(page);
  await page.close();
});

test("TPM 1.2 from the same server, with no further reload; the page says why it takes its time", async () => {
  const page = await context.newPage();
  const loads = countLoads(page);
  await page.goto(`${server.url}?boot=1&tpm=1.2`);
  await expect(statusOf(page, "Guest")).toContainText("makes its RSA keys", { timeout: 60_000 });
  await untilStarted(page);
  await untilShell(page);
  expect(loads()).toBe(1);
  await accepts12(page);
  await untilKept(page);
  await page.close();
});

test("TPM 2.0 with neither server nor network", async () => {
  await server.stop();
  await context.setOffline(true);
  const { page, loads } = await boot("?boot=1&theme=dark");
  expect(loads).toBe(1);
  await accepts20(page);
  await page.close();
});

test("TPM 1.2 with neither server nor network", async () => {
  const { page } = await boot("?boot=1&tpm=1.2");
  await accepts12(page);
  await page.close();
});
