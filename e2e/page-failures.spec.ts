/** What the page says and does when something is not as it should be; and that the rest goes on. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, type Page, test } from "@playwright/test";
import { run, untilShell } from "./page-guest.ts";

/** How soon a loss must show, in milliseconds. */
const SOON = 8000;

/** Process ids of the swtpm processes that the page's own server has started, oldest first. */
function swtpmProcesses(port: string): number[] {
  const list = execFileSync("ps", ["-C", "swtpm", "-o", "pid=,ppid=", "--sort=start_time"], {
    encoding: "utf8",
  });
  const rows = list
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const isServer = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(port);
  return rows.flatMap(([pid, parent]) => (pid && parent && isServer(parent) ? [pid] : []));
}

async function boot(page: Page): Promise<void> {
  await page.goto("/?boot=1&backend=bridge");
  await untilShell(page);
}

test("a TPM that is killed in the middle of a command goes on from what was kept, and says so; the other page's is not touched", async ({
  browser,
  baseURL,
}) => {
  const { port } = new URL(baseURL!);
  const first = await (await browser.newContext()).newPage();
  const second = await (await browser.newContext()).newPage();
  await boot(first);
  const [process] = swtpmProcesses(port);
  await boot(second);
  expect(swtpmProcesses(port)).toHaveLength(2);

  // Making an RSA key takes the TPM long enough to be hit in the middle of it.
  await first.evaluate(() => window.webtpm.serial.send("tpm2_createprimary -Q -G rsa3072 -c p.ctx\n"));
  await first.waitForFunction(() => window.webtpm.commands().at(-1)?.name === "TPM2_CreatePrimary");
  execFileSync("kill", ["-9", String(process)]);
  const notice = first.locator(".notice", { hasText: "About the TPM:" });
  await expect(notice).toContainText(/goes on as it was|begins anew|was lost/, { timeout: SOON });
  expect(swtpmProcesses(port)).not.toContain(process);

  expect(await run(second, "tpm2_getrandom --hex 4")).toMatch(/^[0-9a-f]{8}$/);
  await second.context().close();

  // The guest's shell goes on when the key is made: by another process, from the same seeds.
  expect(await run(first, "tpm2_readpublic -Q -c p.ctx && tpm2_getrandom --hex 4")).toMatch(/^[0-9a-f]{8}$/);
  await expect(first.getByRole("alert")).toHaveCount(0);
  await first.context().close();
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
  await expect(page.locator('.status [data-name="Device"]')).toContainText(
    "on the page's thread: the page is not cross-origin isolated",
  );
  expect(await run(page, "tpm2_getrandom --hex 4")).toMatch(/^[0-9a-f]{8}$/);
  await page.unrouteAll();
  await page.reload();
  await untilShell(page);
  await expect(page.locator('.status [data-name="Device"]')).toContainText("in a worker (isolated)");
  await page.getByRole("tab", { name: "Event log" }).click();
  await expect(page.locator("#boot-verdict")).toHaveText(/The same events as in the boot before\./);
});

test("no bridge where the address says: the page names it and offers another try", async ({ page }) => {
  await page.goto("/?boot=1&backend=bridge&bridge=http://127.0.0.1:9/tpm");
  const notice = page.getByRole("alert");
  await expect(notice).toContainText("The machine could not be started.", { timeout: 20_000 });
  await expect(notice).toContainText("127.0.0.1:9");
  await expect(notice.getByRole("button", { name: "Try again" })).toBeVisible();
});
