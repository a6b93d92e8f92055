/** What the page says and does when a bridge, a worker or a TPM goes away under a real guest; and that the rest goes on. */
import { execFileSync } from "node:child_process";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { OwnBridge } from "./own-bridge.ts";
import { allowLink, parsePcrRead, run, untilShell } from "./page-guest.ts";

/** For so long the page looks for another bridge, or waits for a worker, with what a busy machine adds; milliseconds. */
const SEARCH = 45_000;
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

async function boot(page: Page, parameters = ""): Promise<void> {
  await page.goto(`/?boot=1&backend=bridge&bridge=${encodeURIComponent(bridge.url)}${parameters}`);
  await allowLink(page);
  await untilShell(page);
}

const status = (page: Page, name: string): Locator => page.locator(`.status [data-name="${name}"]`);
const failure = (page: Page): Locator => page.getByRole("alert");
/** What happened to the TPM without the guest's notice. */
const notice = (page: Page): Locator => page.locator(".notice", { hasText: "About the TPM:" });

/** The page says that the TPM failed, and its guest goes on without one. */
async function expectFailure(page: Page, why: RegExp): Promise<void> {
  await expect(failure(page)).toContainText("The TPM has failed.", { timeout: SEARCH });
  await expect(failure(page)).toContainText(why);
  await expect(page.locator(".status li").first()).toHaveText(/TPM failed/);
  expect(await run(page, "echo still here")).toBe("still here\n");
}

async function resetByButton(page: Page): Promise<void> {
  await failure(page).getByRole("button", { name: "Reset machine and TPM" }).click();
  await untilShell(page);
}

async function expectTpm(page: Page): Promise<void> {
  await expect(failure(page)).toHaveCount(0);
  expect(await run(page, "tpm2_getrandom --hex 4")).toMatch(RANDOM);
}

const pcr16 = async (page: Page): Promise<string> =>
  parsePcrRead(await run(page, "tpm2_pcrread sha256:16")).get("sha256")?.[16] ?? "";

/** What tells one TPM from another: the public part of its endorsement key. */
const endorsementKey = (page: Page): Promise<string> =>
  run(
    page,
    "cd /tmp && tpm2_createek -Q -G ecc -c ek.ctx -u ek.pub && sha256sum ek.pub && tpm2_flushcontext -t",
  );

test("two pages have two TPMs; one killed in the middle of a command goes on from what was kept, the other is not touched", async ({
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
  const extended = await pcr16(first);
  expect(extended).not.toBe(ZERO);
  expect(await pcr16(second)).toBe(ZERO);

  // Making an RSA key takes the TPM long enough to be hit in the middle of it.
  await first.evaluate(() => window.webtpm.serial.send("tpm2_createprimary -Q -G rsa3072 -c p.ctx\n"));
  await first.waitForFunction(() => window.webtpm.commands().at(-1)?.name === "TPM2_CreatePrimary");
  execFileSync("kill", ["-9", String(process)]);
  await expect(notice(first)).toContainText(/goes on as it was|is looked for/);
  expect(await run(second, "tpm2_getrandom --hex 4")).toMatch(RANDOM);

  // The guest's shell goes on when the key is made: by another process, from the same seeds.
  await expect(notice(first)).toContainText("goes on as it was", { timeout: SEARCH });
  expect(bridge.swtpmProcesses()).not.toContain(process);
  await run(first, "tpm2_readpublic -Q -c p.ctx && tpm2_flushcontext -t");
  await expectTpm(first);
  expect(await pcr16(first)).toBe(extended);
  expect(await endorsementKey(first)).toBe(firstKey);
  expect(await pcr16(second)).toBe(ZERO);
  expect(await endorsementKey(second)).toBe(secondKey);
  await first.context().close();
  await second.context().close();
});

/**
 * Waits until the guest's kernel has fetched random bytes for itself, which it does at least 5 s apart: for a moment
 * now nobody in the guest asks the TPM anything.
 */
async function untilKernelIsServed(page: Page): Promise<void> {
  const before = await page.evaluate(() => window.webtpm.commands().length);
  await page.waitForFunction(
    (before) => {
      const last = window.webtpm.commands().slice(before).at(-1);
      return last?.name === "TPM2_GetRandom" && last.response;
    },
    before,
    { timeout: 60_000 },
  );
}

test("a bridge that is killed and started again: the page says so, and the running guest keeps its TPM", async ({
  page,
}) => {
  test.setTimeout(400_000);
  await boot(page);
  await run(page, EXTEND);
  const extended = await pcr16(page);
  await untilKernelIsServed(page);
  await bridge.kill();
  await expect(notice(page)).toContainText("Somebody else is looked for");
  expect(await run(page, "echo still here")).toBe("still here\n");

  await bridge.start();
  await expect(notice(page)).toContainText("goes on as it was", { timeout: SEARCH });
  await expectTpm(page);
  expect(await pcr16(page)).toBe(extended);
});

test("a guest that asks the TPM something while its bridge is away is held, as the page says, and gets its answer", async ({
  page,
}) => {
  test.setTimeout(400_000);
  await boot(page);
  await bridge.kill();
  await expect(notice(page)).toContainText("asks it something meanwhile is held");
  const answer = run(page, "tpm2_getrandom --hex 4");
  await expect(status(page, "Guest")).toContainText("guest time held: TPM command");
  await bridge.start();
  await expect(notice(page)).toContainText("goes on as it was", { timeout: SEARCH });
  expect(await answer).toMatch(RANDOM);
  await expect(status(page, "Guest")).toContainText("guest time runs");
});

test("a bridge that stays away: the TPM has failed; a reset without it too; with it again, machine and TPM start anew", async ({
  page,
}) => {
  test.setTimeout(400_000);
  await boot(page);
  const key = await endorsementKey(page);
  await run(page, EXTEND);
  await bridge.kill();
  await expect(notice(page)).toContainText("Somebody else is looked for");
  await expectFailure(page, /nobody could go on with it/);

  await failure(page).getByRole("button", { name: "Reset machine and TPM" }).click();
  await expect(failure(page)).toContainText(/No bridge answers at http:\/\/127\.0\.0\.1/);
  await page.waitForFunction(() => /webtpm# /.test(window.webtpm.serial.text()), undefined, {
    timeout: 120_000,
  });
  await run(page, "test ! -e /dev/tpm0");

  await bridge.start();
  await resetByButton(page);
  await expectTpm(page);
  expect(await pcr16(page)).toBe(ZERO);
  expect(await endorsementKey(page)).toBe(key);
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
  // The page finds out by itself; a guest that asks the TPM something may find out before, if it is not held by then.
  const gone = /worker (was stuck and has been ended|did not answer within 5000 ms)/;
  await expectFailure(page, gone);
  await resetByButton(page);
  await expectTpm(page);

  await device().evaluate(() => self.close());
  await page.evaluate(() => window.webtpm.serial.send("tpm2_getrandom --hex 4\n"));
  await expectFailure(page, gone);
  await resetByButton(page);
  await expectTpm(page);
});

test("on the page's thread, where that is asked for, the TPM is kept, lost and found all the same", async ({
  page,
}) => {
  test.setTimeout(400_000);
  await boot(page, "&placement=local");
  await expect(status(page, "Device")).toContainText("on the page's thread: it was asked for");
  await run(page, EXTEND);
  await page.evaluate(() => window.webtpm.reset());
  await untilShell(page);
  expect(await pcr16(page)).toBe(ZERO);
  await bridge.kill();
  await expect(notice(page)).toContainText("Somebody else is looked for");
  await bridge.start();
  await expect(notice(page)).toContainText("goes on as it was", { timeout: SEARCH });
  await expectTpm(page);
});

test("without cross-origin isolation the TPM runs on the page's thread and says why; a reload compares boots", async ({
  page,
}) => {
  await page.route("**/*", async (route) => {
    if (route.request().resourceType() !== "document") return route.continue();
    const response = await route.fetch();
    const { "cross-origin-opener-policy": _, ...headers } = response.headers();
    return route.fulfill({ response, headers });
  });
  await boot(page);
  await expect(status(page, "Device")).toContainText(
    "on the page's thread: the page is not cross-origin isolated",
  );
  expect(await run(page, "tpm2_getrandom --hex 4")).toMatch(/^[0-9a-f]{8}$/);
  await page.unrouteAll();
  await run(page, EXTEND);
  await page.reload();
  // An isolated page is another one to the browser, which has forgotten the yes with the rest of the tab's history.
  await allowLink(page);
  await untilShell(page);
  // The TPM of the page that is gone is gone too, and this one has been switched off and on.
  await expect.poll(() => bridge.swtpmProcesses().length).toBe(1);
  expect(await pcr16(page)).toBe(ZERO);
  await expect(status(page, "Device")).toContainText("in a worker (isolated)");
  await page.getByRole("tab", { name: "Event log" }).click();
  await expect(page.locator("#boot-verdict")).toHaveText(/The same events as in the boot before\./);
});

test("no bridge where the address says: the page names it and offers another try", async ({ page }) => {
  await page.goto("/?boot=1&backend=bridge&bridge=http://127.0.0.1:9/tpm");
  await allowLink(page);
  const alert = failure(page);
  await expect(alert).toContainText("The machine could not be started.");
  await expect(alert).toContainText("127.0.0.1:9");
  await expect(alert.getByRole("button", { name: "Try again" })).toBeVisible();
});
