/** The service worker of the static page: when it steps in, what it keeps, and how one version follows another. */
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test as plain } from "@playwright/test";
import { pageHeaders } from "../../src/node/tools/page-headers.ts";
import { writeServiceWorker } from "../../src/node/tools/service-worker.ts";
import { buildDirectory } from "./build.ts";
import { FileServer, type FileServerOptions } from "./file-server.ts";
import { INSECURE_HOST } from "./insecure-host.ts";
import { countLoads, statusOf, untilKept, untilStarted } from "./page-static.ts";

type Start = (directory: string, options?: FileServerOptions) => Promise<FileServer>;

/** With servers, and copies of the build, that end with the test. */
const test = plain.extend<{ start: Start; copy: (title: string) => Promise<string> }>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern here.
  start: async ({}, use) => {
    const servers: FileServer[] = [];
    await use(async (directory, options) => {
      const server = new FileServer(directory, options);
      servers.push(server);
      await server.start();
      return server;
    });
    for (const server of servers) await server.stop();
  },
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants a pattern here.
  copy: async ({}, use) => {
    const directories: string[] = [];
    await use(async (title) => {
      const directory = await mkdtemp(join(tmpdir(), "webtpm-static-copy-"));
      directories.push(directory);
      await cp(buildDirectory(), directory, { recursive: true });
      const index = join(directory, "index.html");
      const html = await readFile(index, "utf8");
      await writeFile(index, html.replace("<title>WebTPM</title>", `<title>${title}</title>`));
      await writeServiceWorker(directory, pageHeaders());
      return directory;
    });
    for (const directory of directories) await rm(directory, { recursive: true });
  },
});

/** What the browser has for the page's address. (`waitForFunction` does not wait for what is asynchronous.) */
const registered = (page: Page) =>
  page.evaluate(async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    if (!registration) return "none";
    return registration.waiting ? "a new version waits" : "one version";
  });

/** Loads the page until it is the new version: once, or twice where the browser is slow to end the page before. */
async function untilSecond(page: Page): Promise<void> {
  for (let load = 0; load < 2; load++) {
    await page.reload();
    const second = page.waitForFunction(() => document.title === "Second" && "webtpm" in window, undefined, {
      timeout: 30_000,
    });
    if (await second.catch(() => undefined)) return;
  }
  await expect(page).toHaveTitle("Second");
}

const ISOLATION = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "credentialless",
};

test("a host without headers: one reload, then an isolated page, also after a reload past the worker", async ({
  page,
  start,
}) => {
  const { url } = await start(buildDirectory());
  const loads = countLoads(page);
  await page.goto(`${url}?tpm=1.2`);
  await untilStarted(page);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(loads()).toBe(2);
  await expect(page.getByRole("radio", { name: "TPM 1.2" })).toBeChecked();
  await page.reload();
  await untilStarted(page);
  expect(loads()).toBe(3);
  // As Shift and the reload button do: the page comes from the host, with no worker.
  const session = await page.context().newCDPSession(page);
  await session.send("Page.reload", { ignoreCache: true });
  await expect.poll(loads).toBeGreaterThanOrEqual(4);
  await untilStarted(page);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await untilStarted(page);
  expect(loads()).toBeLessThanOrEqual(5);
});

test("a host with headers of its own keeps them, and its pages are not loaded twice", async ({
  page,
  start,
}) => {
  const { url } = await start(buildDirectory(), { headers: ISOLATION });
  const loads = countLoads(page);
  await page.goto(url);
  await untilStarted(page);
  await untilKept(page);
  expect(loads()).toBe(1);
  const answer = await page.reload();
  expect(answer?.fromServiceWorker()).toBe(true);
  expect(answer?.headers()["cross-origin-embedder-policy"]).toBe("credentialless");
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
});

test("in a folder of a host, with an address of its own", async ({ page, start }) => {
  const server = await start(buildDirectory(), { base: "/some/folder/" });
  await page.goto(server.url);
  await untilStarted(page);
  await untilKept(page);
  await server.stop();
  await page.goto(`${server.url}index.html?pane=registers#here`);
  await untilStarted(page);
  await expect(page.getByRole("tab", { name: "Registers" })).toHaveAttribute("aria-selected", "true");
  const scopes = await page.evaluate(async () =>
    (await navigator.serviceWorker.getRegistrations()).map(({ scope }) => new URL(scope).pathname),
  );
  expect(scopes).toEqual(["/some/folder/"]);
});

test("a download that breaks is said, and fetched at the next load; the rest is not fetched again", async ({
  page,
  start,
}) => {
  const server = await start(buildDirectory(), { cut: { path: /hidden-state/, after: 3_000_000 } });
  await page.goto(`${server.url}?boot=1`);
  const notice = page.getByRole("alert");
  await expect(notice).toContainText("The machine could not be started.", { timeout: 60_000 });
  await expect(notice).toContainText("hidden-state");
  await page.getByRole("button", { name: /^Keep the page for use offline/ }).click();
  await expect(page.locator("html")).toHaveAttribute("data-offline", /^incomplete: images\/hidden-state/, {
    timeout: 60_000,
  });
  server.cut = undefined;
  server.served.length = 0;
  await page.reload();
  await untilStarted(page);
  await untilKept(page);
  expect(server.served.filter((path) => path !== "sw.js")).toEqual([
    expect.stringMatching(/^images\/hidden-state/),
  ]);
});

test("a new version leaves the running page alone and is taken at the next load; only what has changed is fetched", async ({
  page,
  start,
  copy,
}) => {
  const server = await start(await copy("First"));
  await page.goto(server.url);
  await untilStarted(page);
  await untilKept(page);
  server.directory = await copy("Second");
  server.served.length = 0;
  await page.evaluate(async () => (await navigator.serviceWorker.ready).update());
  await expect.poll(() => registered(page)).toBe("a new version waits");
  await expect(page).toHaveTitle("First");
  await untilSecond(page);
  await untilKept(page);
  expect(new Set(server.served)).toEqual(new Set(["sw.js", "index.html"]));
  await expect.poll(() => page.evaluate(async () => (await caches.keys()).length)).toBe(1);
  const loads = countLoads(page);
  await page.reload();
  await untilStarted(page);
  expect(loads()).toBe(1);
});

test("a new version waits while another window shows the old one", async ({ page, context, start, copy }) => {
  const server = await start(await copy("First"));
  await page.goto(server.url);
  await untilStarted(page);
  await untilKept(page);
  const other = await context.newPage();
  await other.goto(server.url);
  await untilStarted(other);
  server.directory = await copy("Second");
  await page.reload();
  await expect.poll(() => registered(page)).toBe("a new version waits");
  await page.reload();
  await untilStarted(page);
  await expect(page).toHaveTitle("First");
  await other.close();
  await untilSecond(page);
});

test("a host that no longer has the page is not hidden behind what was kept", async ({
  page,
  start,
  copy,
}) => {
  const server = await start(await copy("First"));
  await page.goto(server.url);
  await untilStarted(page);
  await untilKept(page);
  const other = await mkdtemp(join(tmpdir(), "webtpm-other-"));
  try {
    await writeFile(join(other, "index.html"), "<title>Another page</title>");
    server.directory = other;
    await page.reload();
    await expect.poll(() => registered(page)).toBe("none");
    await page.reload();
    await expect(page).toHaveTitle("Another page");
  } finally {
    await rm(other, { recursive: true });
  }
});

test.describe("a host without a secure connection", () => {
  test("has no service worker: the page says that the device is on its thread, and works", async ({
    page,
    start,
  }) => {
    const { port } = await start(buildDirectory());
    const loads = countLoads(page);
    await page.goto(`http://${INSECURE_HOST}:${port}/?boot=1`);
    await page.waitForFunction(() => window.webtpm?.serial.text().includes("webtpm# "), undefined, {
      timeout: 180_000,
    });
    expect(loads()).toBe(1);
    expect(await page.evaluate(() => "serviceWorker" in navigator)).toBe(false);
    await expect(statusOf(page, "Device")).toContainText(
      "on the page's thread: the page is not cross-origin isolated",
    );
    await expect(statusOf(page, "Backend")).toContainText("hidden machine");
  });
});
