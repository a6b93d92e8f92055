/** Who runs the TPM's commands, and that it can be another one after a reset, with the page as it is. */
import { expect, type Page, test } from "@playwright/test";
import { OwnBridge } from "../own-bridge.ts";
import { allowLink, run, untilShell } from "../page-guest.ts";
import { buildDirectory } from "./build.ts";
import { FileServer } from "./file-server.ts";
import { countLoads, statusOf, untilKept, untilStarted } from "./page-static.ts";

let server: FileServer;
let bridge: OwnBridge;

test.beforeAll(async () => {
  server = new FileServer(buildDirectory());
  await server.start();
  bridge = new OwnBridge(new URL(server.url).origin);
  await bridge.start();
});
test.afterAll(async () => {
  await bridge.stop();
  await server.stop();
});

/** How many TPMs the bridge serves. */
async function sessions(): Promise<unknown> {
  const description = (await (await fetch(bridge.url)).json()) as { sessions: unknown };
  return description.sessions;
}

async function choose(page: Page, backend: "bridge" | "hidden"): Promise<void> {
  await page.locator("#tab-machine").click();
  const more = page.locator(".setup-more");
  if ((await more.getAttribute("open")) === null) await more.locator("summary").click();
  await page.getByLabel("swtpm runs").selectOption(backend);
}

async function reset(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Reset", exact: true }).click();
  await untilShell(page);
}

test("native swtpm behind a bridge, the hidden machine, and back, by resets of one page", async ({
  page,
}) => {
  await page.goto(`${server.url}?boot=1&bridge=${encodeURIComponent(bridge.url)}`);
  await untilStarted(page);
  await allowLink(page);
  await untilShell(page);
  await expect(statusOf(page, "Backend")).toContainText("127.0.0.1");
  expect(await sessions()).toBe(1);
  const loads = countLoads(page);

  await choose(page, "hidden");
  await reset(page);
  await expect(statusOf(page, "Backend")).toContainText("hidden machine");
  expect(await run(page, "tpm2_getrandom --hex 8")).toMatch(/^[0-9a-f]{16}$/);
  await expect.poll(sessions).toBe(0);

  await choose(page, "bridge");
  await reset(page);
  await expect(statusOf(page, "Backend")).toContainText("127.0.0.1");
  expect(await run(page, "tpm2_getrandom --hex 8")).toMatch(/^[0-9a-f]{16}$/);
  expect(await sessions()).toBe(1);
  expect(loads()).toBe(0);
});

test("a TPM that cannot be moved is said, and the machine goes on with the one that it has", async ({
  page,
}) => {
  await page.goto(`${server.url}?boot=1&bridge=${encodeURIComponent(bridge.url)}`);
  await untilStarted(page);
  await allowLink(page);
  await untilShell(page);
  await untilKept(page);
  await server.stop();
  await page.evaluate(async () => {
    for (const name of await caches.keys()) await caches.delete(name);
  });
  // The browser's own cache has room for the saved machine, too.
  const devTools = await page.context().newCDPSession(page);
  await devTools.send("Network.clearBrowserCache");
  await choose(page, "hidden");
  await page.getByRole("button", { name: "Reset", exact: true }).click();
  await expect(page.getByRole("alert")).toContainText("The TPM could not be moved");
  expect(await run(page, "tpm2_getrandom --hex 8")).toMatch(/^[0-9a-f]{16}$/);
  await expect(statusOf(page, "Backend")).toContainText("127.0.0.1");
});
