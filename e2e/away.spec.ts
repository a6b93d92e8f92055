/**
 * A page that a debugger holds in the middle of what the firmware does with the TPM: everything of the page is late by
 * seconds then, swtpm and the device's worker are not, and the boot is measured as any other.
 *
 * The debugger holds it for five seconds a time; for a minute each: WEBTPM_AWAY_SECONDS=60.
 */
import { type CDPSession, expect, type Page, test } from "@playwright/test";
import { parsePcrRead, run, untilShell } from "./page-guest.ts";

const SECONDS = Number(process.env.WEBTPM_AWAY_SECONDS ?? 5);
const BOOT_MS = 300_000;
const MEASURED = "boot measured, log and PCRs agree";

const bootStatus = (page: Page) => page.locator('.status [data-name="Boot"]');

/** What a boot of the usual machine measures: the firmware's PCRs and the kernel's, of the bank that both sides read. */
async function measured(page: Page): Promise<string[]> {
  const guest = parsePcrRead(await run(page, "tpm2_pcrread sha256")).get("sha256")!;
  const values = await page.evaluate(() => window.webtpm.pcrs("sha256"));
  expect(values).toEqual(guest);
  return values.slice(0, 10);
}

test.describe("a boot", () => {
  test.setTimeout(2 * BOOT_MS + 20 * SECONDS * 1000);
  let usual: string[];

  test.beforeAll(async ({ browser }) => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto("/?boot=1&backend=bridge");
    await untilShell(page, BOOT_MS);
    usual = await measured(page);
    expect(usual.filter((value) => /^0+$/.test(value))).toEqual([]);
    await context.close();
  });

  test("held by a debugger in its first command, in an extend, and in the kernel is measured as usual", async ({
    page,
  }) => {
    const debuggers = await page.context().newCDPSession(page);
    await debuggers.send("Debugger.enable");
    await page.goto("/?backend=bridge");
    const holds = countHolds(debuggers, SECONDS * 1000);
    await page.evaluate(holdAt, ["TPM2_Startup", "TPM2_PCR_Extend", "TPM2_GetRandom"]);
    await page.evaluate(() => void window.webtpm.boot());
    await untilShell(page, BOOT_MS + 3 * SECONDS * 1000);
    await expect.poll(holds).toBe(3);
    expect(await measured(page)).toEqual(usual);
    await expect(bootStatus(page)).toContainText(MEASURED);
  });
});

/** Goes on `ms` after each stop. @returns how often it has gone on. */
function countHolds(debuggers: CDPSession, ms: number): () => number {
  let count = 0;
  debuggers.on("Debugger.paused", () => {
    setTimeout(() => {
      count++;
      debuggers.send("Debugger.resume").catch(() => undefined); // the page has gone
    }, ms);
  });
  return () => count;
}

/** In the page: stops it in the debugger when it has just heard of the first command of each name, in this order. */
function holdAt(names: string[]): void {
  let known = 0;
  const look = () => {
    let commands: { name: string }[];
    try {
      commands = window.webtpm.commands();
    } catch {
      return; // no TPM yet
    }
    const found = commands.slice(known).some(({ name }) => name === names[0]);
    known = commands.length;
    if (!found) return;
    names.shift();
    // biome-ignore lint/suspicious/noDebugger: the subject
    debugger;
    if (names.length === 0) clearInterval(timer);
  };
  const timer = setInterval(look, 1);
}
