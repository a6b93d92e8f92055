/** Links from strangers: what they want is shown and asked, and a kept TPM goes nowhere without its owner's yes. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { OwnBridge } from "./own-bridge.ts";
import { allowLink, run, untilShell } from "./page-guest.ts";

const dialog = (page: Page): Locator => page.getByRole("dialog");
const safe = (page: Page): Locator =>
  dialog(page).getByRole("button", { name: "Run it in a throw-away machine" });
const notice = (page: Page): Locator => page.locator(".notice", { hasText: "thrown away" });

/** What tells one TPM from another: the public part of its endorsement key. */
const endorsementKey = (page: Page): Promise<string> =>
  run(
    page,
    "cd /tmp && tpm2_createek -Q -G ecc -c ek.ctx -u ek.pub && sha256sum ek.pub && tpm2_flushcontext -t",
  );

/** The machine "PC" as it is kept: when it changed last, and what it boots. */
const kept = (page: Page) =>
  page.evaluate(async () => {
    const [pc] = (await window.webtpm.machines()).filter(({ name }) => name === "PC");
    return pc && { changed: pc.changed, settings: pc.settings, tpmSize: pc.tpmSize };
  });

/** Leaves the page, so that nothing of it runs any more. */
const leave = (page: Page) => page.goto("/");

/** A server that answers nothing of use, and remembers who came. */
async function stranger(): Promise<{ server: Server; url: string; visits: string[] }> {
  const visits: string[] = [];
  const server = createServer((request, response) => {
    visits.push(`${request.method} ${request.url}`);
    response.writeHead(404, { "Access-Control-Allow-Origin": "*" }).end();
  });
  server.on("upgrade", (request, socket) => {
    visits.push(`upgrade ${request.url}`);
    socket.destroy();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, visits };
}

test.describe("a link to another bridge", () => {
  test("gets a TPM of its own by default, and the kept one by the owner's yes only", async ({
    page,
    baseURL,
  }) => {
    test.setTimeout(400_000);
    const bridge = new OwnBridge(new URL(baseURL!).origin);
    await bridge.start();
    try {
      await page.goto("/?boot=1&kernel=small");
      await untilShell(page);
      const own = await endorsementKey(page);
      await leave(page);
      const before = await kept(page);
      expect(before?.tpmSize).toBeGreaterThan(1000);

      const link = `/?boot=1&kernel=small&backend=bridge&bridge=${encodeURIComponent(bridge.url)}`;
      await page.goto(link);
      await expect(dialog(page)).toContainText(bridge.url);
      await expect(dialog(page)).toContainText(`from another server: ${new URL(bridge.url).origin}`);
      expect(bridge.swtpmProcesses()).toEqual([]);
      await expect(safe(page)).toBeFocused();
      await page.keyboard.press("Escape");
      await untilShell(page);
      expect(bridge.swtpmProcesses()).toHaveLength(1);
      expect(await endorsementKey(page)).not.toBe(own);
      await expect(notice(page)).toContainText("with a TPM of its own");
      expect(await kept(page)).toEqual(before);
      const refused = await page.evaluate(() => window.webtpm.snapshot("no").catch(String));
      expect(refused).toContain("VaultUnavailableError");

      // Nobody has said yes: it is asked again.
      await page.reload();
      await allowLink(page);
      await untilShell(page);
      expect(await endorsementKey(page)).toBe(own);
      // Somebody has, in this tab and for this machine.
      await page.reload();
      await untilShell(page);
      expect(await endorsementKey(page)).toBe(own);
      expect(bridge.swtpmProcesses()).toHaveLength(1);
    } finally {
      await bridge.stop();
    }
  });

  test("leads nowhere once a kept machine is chosen on the page", async ({ page, baseURL }) => {
    const bridge = new OwnBridge(new URL(baseURL!).origin);
    await bridge.start();
    try {
      await page.goto("/?boot=1&kernel=small");
      await page.evaluate(() => window.webtpm.ready);
      await leave(page);
      await page.goto(`/?boot=1&kernel=small&backend=bridge&bridge=${encodeURIComponent(bridge.url)}`);
      await safe(page).click();
      await page.evaluate(() => window.webtpm.ready);
      expect(bridge.swtpmProcesses()).toHaveLength(1);
      await notice(page).getByRole("button", { name: "Boot “PC” as usual" }).click();
      await page.waitForFunction(async () => {
        await window.webtpm.ready;
        return !document.querySelector(".notice");
      });
      await expect.poll(() => bridge.swtpmProcesses()).toEqual([]);
      expect(new URL(page.url()).searchParams.get("bridge")).toBeNull();
      await page.getByRole("tab", { name: "Storage" }).click();
      await expect(page.locator("[data-machine=PC]")).toContainText("runs here");
    } finally {
      await bridge.stop();
    }
  });
});

test("a link to another server's images loads nothing before the answer, and nothing after a no", async ({
  page,
}) => {
  const { server, url, visits } = await stranger();
  try {
    for (const name of ["hda", "cdrom", "fda", "bzimage", "initrd"]) {
      await page.goto(`/?boot=1&${name}=${encodeURIComponent(`${url}/${name}.img`)}`);
      await expect(dialog(page)).toContainText(`${url}/${name}.img`);
      await dialog(page).getByRole("button", { name: "Do not run it" }).click();
      await expect(dialog(page)).toHaveCount(0);
      expect(await page.evaluate(() => window.webtpm.ready.catch(String))).toContain("LinkRefusedError");
      expect(new URL(page.url()).searchParams.get(name)).toBeNull();
    }
    expect(visits).toEqual([]);
    await page.goto(`/?boot=1&initrd=${encodeURIComponent(`${url}/initrd.img`)}`);
    await safe(page).click();
    await expect(page.getByRole("alert")).toContainText("404");
    expect(visits.map((visit) => visit.split(" ")[1])).toContain("/initrd.img");
    expect(await kept(page)).toBeUndefined();
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("a machine from a file loads nothing from another server before the answer, and nothing after a no", async ({
  page,
  browser,
  baseURL,
}) => {
  const { server, url, visits } = await stranger();
  const elsewhere = await browser.newContext({ baseURL: baseURL! });
  try {
    // Somebody's machine, with a TPM, that boots from a disk on the stranger's server.
    const theirs = await elsewhere.newPage();
    await theirs.goto("/?boot=1&kernel=small&machine=Gift");
    await theirs.evaluate(() => window.webtpm.ready);
    await leave(theirs);
    await theirs.goto(`/?boot=1&machine=Gift&hda=${encodeURIComponent(`${url}/disk.img`)}`);
    await allowLink(theirs);
    await expect(theirs.getByRole("alert")).toContainText("404");
    const bundle = await theirs.evaluate(async () => {
      const file = await window.webtpm.export();
      return [...new Uint8Array(await file.arrayBuffer())];
    });
    visits.length = 0;

    await page.goto("/?pane=storage");
    const imported = await page.evaluate(
      async (bytes) => (await window.webtpm.import(new File([new Uint8Array(bytes)], "gift.zip"))).settings,
      bundle,
    );
    expect(imported).toMatchObject({ hda: `${url}/disk.img` });
    await page.getByRole("tab", { name: "Storage" }).click();
    const boot = page.getByRole("group", { name: "With Gift" }).getByRole("button", { name: "Boot" });
    await boot.click();
    await expect(dialog(page)).toContainText("This machine wants something from another server");
    await expect(dialog(page)).toContainText(`${url}/disk.img`);
    await expect(dialog(page)).toContainText(`from another server: ${url}`);
    await dialog(page).getByRole("button", { name: "Do not run it" }).click();
    await expect(page.getByRole("alert")).toContainText("was turned down");
    expect(visits).toEqual([]);

    await boot.click();
    await expect(safe(page)).toBeFocused();
    await page.keyboard.press("Escape");
    await expect.poll(() => visits.map((visit) => visit.split(" ")[1])).toContain("/disk.img");
    await expect(notice(page)).toContainText("with a TPM of its own");
  } finally {
    await elsewhere.close();
    server.close();
    server.closeAllConnections();
  }
});

test("a link that changes what a kept machine boots is asked; one that does not is not", async ({ page }) => {
  await page.goto("/?boot=1&kernel=small&cmdline=first");
  await page.evaluate(() => window.webtpm.ready);
  await leave(page);
  const before = await kept(page);
  expect(before).toMatchObject({ settings: { cmdline: "first" } });

  await page.goto("/?boot=1&kernel=small&cmdline=first&memory=256");
  await page.evaluate(() => window.webtpm.ready);
  await expect(dialog(page)).toHaveCount(0);
  await leave(page);
  const again = await kept(page);

  await page.goto("/?kernel=small&cmdline=init%3D/bin/sh%E2%80%AEx&measured=0");
  await expect(dialog(page)).toHaveCount(0);
  await page.getByRole("button", { name: /^Boot Linux/ }).click();
  await expect(dialog(page)).toContainText("init=/bin/sh\\u{202e}x");
  await expect(dialog(page)).toContainText("in place of: first");
  await expect(dialog(page)).toContainText("off: neither kernel nor command line goes into a PCR");
  await page.keyboard.press("Enter");
  await page.evaluate(() => window.webtpm.ready);
  await expect(notice(page)).toBeVisible();
  expect(await kept(page)).toEqual(again);
});

test("what the owner sets on the page is the owner's, also after a reload", async ({ page }) => {
  await page.goto("/?boot=1");
  await page.evaluate(() => window.webtpm.ready);
  await page.locator("#tab-machine").click();
  await page.getByText("Kernel, command line, memory").click();
  const field = page.getByRole("textbox", { name: "Command line" });
  await field.fill("mine=1");
  await field.blur();
  await page.reload();
  await page.evaluate(() => window.webtpm.ready);
  await expect(dialog(page)).toHaveCount(0);
  expect(await kept(page)).toMatchObject({ settings: { cmdline: "mine=1" } });
});

test("nothing on the page listens to messages of other windows", async ({ page }) => {
  await page.goto("/");
  const devtools = await page.context().newCDPSession(page);
  const { result } = await devtools.send("Runtime.evaluate", { expression: "window" });
  const { listeners } = await devtools.send("DOMDebugger.getEventListeners", { objectId: result.objectId! });
  expect(listeners.length).toBeGreaterThan(0);
  expect(listeners.map(({ type }) => type)).not.toContain("message");
});

for (const width of [1280, 390]) {
  test(`the question is for everybody, ${width} px wide`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    const bridge = encodeURIComponent("http://other.example/tpm");
    const cmdline = encodeURIComponent(`console=ttyS0 ${"a".repeat(1900)}`);
    await page.goto(`/?boot=1&bridge=${bridge}&hda=//other.example/disk.img&cmdline=${cmdline}`);
    await expect(safe(page)).toBeFocused();
    await expect(safe(page)).toBeInViewport({ ratio: 1 });
    await accessible(page, "the question");
    const wide = await dialog(page).evaluate((element) => element.scrollWidth > element.clientWidth);
    expect(wide).toBe(false);
    await page.keyboard.press("Tab");
    await expect(dialog(page).getByRole("button", { name: /^Use it with “PC”/ })).toBeFocused();
    await page.keyboard.press("Tab");
    await expect(dialog(page).getByRole("button", { name: "Do not run it" })).toBeFocused();
    await page.screenshot({ path: test.info().outputPath(`link-${width}.png`) });
  });
}
