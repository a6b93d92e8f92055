/** A TPM far away, or very slow: firmware and Linux do not notice. */
import { expect, type Page, test } from "@playwright/test";
import { OwnBridge, startSlowHop } from "./own-bridge.ts";
import { allowLink, parsePcrRead, run } from "./page-guest.ts";

/** To the shell with every command of firmware and driver delayed, in milliseconds. */
const BOOT_MS = 400_000;

let bridge: OwnBridge;
test.beforeEach(async ({ baseURL }) => {
  bridge = new OwnBridge(new URL(baseURL!).origin);
  await bridge.start();
});
test.afterEach(() => bridge.stop());

async function boot(page: Page, url: string): Promise<void> {
  await page.goto(`/?boot=1&backend=bridge&bridge=${encodeURIComponent(url)}`);
  await allowLink(page);
  await page.evaluate(() => window.webtpm.ready);
  const shell = () => /webtpm# /.test(window.webtpm.serial.text());
  await page.waitForFunction(shell, undefined, { timeout: BOOT_MS });
}

const pcrs = async (page: Page): Promise<string[]> =>
  parsePcrRead(await run(page, "tpm2_pcrread sha256")).get("sha256") ?? [];

test("with 0.8 s more for every TPM command, and 5 s for the self-test, the guest boots with the same PCRs", async ({
  page,
}) => {
  test.setTimeout(600_000);
  await boot(page, bridge.url);
  const quick = await pcrs(page);
  const TPM2_SELF_TEST = 0x143;
  const hop = await startSlowHop(bridge.url, (message) => {
    // The command is the message's end; swtpm's header of 9 bytes may be in front of it.
    const header = message[0] === 0x80 ? 0 : 9;
    const code = Buffer.from(message).readUInt32BE(header + 6);
    return code === TPM2_SELF_TEST ? 5000 : 800;
  });
  try {
    await boot(page, hop.url);
    expect(await run(page, "ls /dev/tpm0")).toBe("/dev/tpm0\n");
    expect(await pcrs(page)).toEqual(quick);
    expect(hop.delays).toContain(5000);
    expect(hop.delays.filter((ms) => ms === 800).length).toBeGreaterThan(20);
    expect(await run(page, "dmesg | grep -ci 'tpm.*\\(time\\|error\\)' || true")).toBe("0\n");
  } finally {
    hop.stop();
  }
});
