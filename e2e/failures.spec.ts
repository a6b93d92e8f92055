/** A bridge, a worker or a TPM that goes away, a guest that reboots, a TPM that is very slow: each with a real guest. */
import { execFileSync } from "node:child_process";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { OwnBridge, startSlowHop } from "./own-bridge.ts";
import { parsePcrRead, run, untilShell } from "./page-guest.ts";

/** How soon a loss must show, in milliseconds. */
const SOON = 15_000;
const RANDOM = /^[0-9a-f]{8}$/;
const ZERO = "00".repeat(32);
/** What is extended into PCR 16 to see whether it starts over. */
const EXTEND = `tpm2_pcrextend 16:sha256=${"42".repeat(32)}`;

let bridge: OwnBridge;
test.beforeEach(async ({ baseURL }) => {
  bridge = new OwnBridge(new URL(baseURL!).origin);
  await bridge.start();
});
test.afterEach(() => bridge.stop());

async function boot(page: Page, parameters = "", url = bridge.url): Promise<void> {
  await page.goto(`/?boot=1&backend=bridge&bridge=${encodeURIComponent(url)}${parameters}`);
  await untilShell(page);
}

const status = (page: Page, name: string): Locator => page.locator(`.status [data-name="${name}"]`);
const notice = (page: Page): Locator => page.getByRole("alert");

/** The page says that the TPM failed, and its guest goes on without one. */
async function expectFailure(page: Page, why: RegExp): Promise<void> {
  await expect(notice(page)).toContainText("The TPM has failed.", { timeout: SOON });
  await expect(notice(page)).toContainText(why);
  await expect(page.locator(".status li").first()).toHaveText(/TPM failed/);
  expect(await run(page, "echo still here")).toBe("still here\n");
}

async function resetByButton(page: Page): Promise<void> {
  await notice(page).getByRole("button", { name: "Reset machine and TPM" }).click();
  await untilShell(page);
}

async function expectTpm(page: Page): Promise<void> {
  await expect(notice(page)).toHaveCount(0);
  expect(await run(page, "tpm2_getrandom --hex 4")).toMatch(RANDOM);
}

const pcrs = async (page: Page): Promise<string[]> =>
  parsePcrRead(await run(page, "tpm2_pcrread sha256")).get("sha256") ?? [];

/** What tells one TPM from another: the public part of its endorsement key. */
const endorsementKey = (page: Page): Promise<string> =>
  run(
    page,
    "cd /tmp && tpm2_createek -Q -G ecc -c ek.ctx -u ek.pub && sha256sum ek.pub && tpm2_flushcontext -t",
  );

/** Reboots from within the guest, and waits for the shell of the next boot. */
async function reboot(page: Page): Promise<void> {
  await page.evaluate(() => window.webtpm.serial.send("reboot -f\n"));
  await page.waitForFunction(() => !window.webtpm.serial.text().includes("reboot -f"));
  await untilShell(page);
}

test("two pages have two TPMs; one killed while idle leaves the other alone, and a guest's reboot brings it back", async ({
  browser,
}) => {
  test.setTimeout(400_000);
  const first = await (await browser.newContext()).newPage();
  const second = await (await browser.newContext()).newPage();
  await boot(first);
  const [process] = bridge.swtpmProcesses();
  await boot(second);
  expect(bridge.swtpmProcesses()).toHaveLength(2);
  const [firstKey, secondKey] = [await endorsementKey(first), await endorsementKey(second)];
  expect(firstKey).not.toBe(secondKey);
  await run(first, EXTEND);
  await run(second, EXTEND);

  execFileSync("kill", ["-9", String(process)]);
  await expectFailure(first, /swtpm/);
  await run(first, "tpm2_getrandom --hex 4 2>&1 >/dev/null | grep -q . && echo refused");
  await reboot(first);
  await expectTpm(first);
  expect((await pcrs(first))[16]).toBe(ZERO);
  // A session of its own means a TPM of its own.
  expect(await endorsementKey(first)).not.toBe(firstKey);

  expect((await pcrs(second))[16]).not.toBe(ZERO);
  await reboot(second);
  expect((await pcrs(second))[16]).toBe(ZERO);
  expect(await endorsementKey(second)).toBe(secondKey);
  await first.context().close();
  await second.context().close();
});

test("a bridge that is killed is reported; a reset without it too; with it again, machine and TPM start anew", async ({
  page,
}) => {
  test.setTimeout(400_000);
  await boot(page);
  await bridge.kill();
  await expectFailure(page, /channel to the TPM closed/);

  await resetByButton(page);
  await expectFailure(page, /no bridge answers at http:\/\/127\.0\.0\.1/);
  await run(page, "test ! -e /dev/tpm0");

  await bridge.start();
  await resetByButton(page);
  await expectTpm(page);
});

test("a device worker that is stuck, or ends, is reported; a reset brings another", async ({ page }) => {
  test.setTimeout(400_000);
  const device = () =>
    page
      .workers()
      .filter((worker) => worker.url().includes("tpm.worker"))
      .at(-1)!;
  await boot(page);
  await expect(status(page, "Device")).toContainText("in a worker (isolated)");
  // Never answers, because the worker is ended before.
  const stuck = device().evaluate(() => {
    for (;;);
  });
  stuck.catch(() => undefined);
  await expectFailure(page, /worker was stuck and has been ended/);
  await resetByButton(page);
  await expectTpm(page);

  await device().evaluate(() => self.close());
  await page.evaluate(() => window.webtpm.serial.send("tpm2_getrandom --hex 4\n"));
  await expectFailure(page, /worker did not answer within 250 ms/);
  await resetByButton(page);
  await expectTpm(page);
});

test("on the page's thread, where that is asked for, the TPM can fail and come back all the same", async ({
  page,
}) => {
  test.setTimeout(400_000);
  await boot(page, "&placement=local");
  await expect(status(page, "Device")).toContainText("on the page's thread: it was asked for");
  await run(page, EXTEND);
  await page.evaluate(() => window.webtpm.reset());
  await untilShell(page);
  expect((await pcrs(page))[16]).toBe(ZERO);
  await bridge.kill();
  await expectFailure(page, /channel to the TPM closed/);
  await bridge.start();
  await resetByButton(page);
  await expectTpm(page);
});

test("with 0.8 s more for every TPM command, and 5 s for the self-test, the guest boots with the same PCRs", async ({
  page,
}) => {
  test.setTimeout(600_000);
  await boot(page);
  const quick = await pcrs(page);
  const TPM2_SELF_TEST = 0x143;
  const hop = await startSlowHop(bridge.url, (message) => {
    // The command is the message's end; swtpm's header of 9 bytes may be in front of it.
    const header = message[0] === 0x80 ? 0 : 9;
    const code = Buffer.from(message).readUInt32BE(header + 6);
    return code === TPM2_SELF_TEST ? 5000 : 800;
  });
  try {
    await page.goto(`/?boot=1&backend=bridge&bridge=${encodeURIComponent(hop.url)}`);
    await page.evaluate(() => window.webtpm.ready);
    await page.waitForFunction(() => /webtpm# /.test(window.webtpm.serial.text()), undefined, {
      timeout: 400_000,
    });
    expect(await run(page, "ls /dev/tpm0")).toBe("/dev/tpm0\n");
    expect(await pcrs(page)).toEqual(quick);
    expect(hop.delays).toContain(5000);
    expect(hop.delays.filter((ms) => ms === 800).length).toBeGreaterThan(20);
    expect(await run(page, "dmesg | grep -ci 'tpm.*\\(time\\|error\\)' || true")).toBe("0\n");
  } finally {
    hop.stop();
  }
});
