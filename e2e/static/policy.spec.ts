/** The headers of the static page: from the file that hosts read, from the page itself, and from its service worker. */
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import { pageHeaders } from "../../src/node/tools/page-headers.ts";
import { writeServiceWorker } from "../../src/node/tools/service-worker.ts";
import { untilShell } from "../page-guest.ts";
import { expectRefused, framing, injectScripts, refusals } from "../page-policy.ts";
import { buildDirectory } from "./build.ts";
import { FileServer, type FileServerOptions } from "./file-server.ts";
import { INSECURE_HOST } from "./insecure-host.ts";
import { countLoads, untilKept, untilStarted } from "./page-static.ts";

/** The first and only rule of `_headers`: one header a line, for all paths. */
async function headersFile(): Promise<Record<string, string>> {
  const text = await readFile(join(buildDirectory(), "_headers"), "utf8");
  const [path, ...lines] = text.trimEnd().split("\n");
  expect(path).toBe("/*");
  return Object.fromEntries(lines.map((line) => /^ {2}([A-Za-z-]+): (.+)$/.exec(line)!.slice(1)));
}

async function serve<T>(
  use: (server: FileServer) => Promise<T>,
  options: FileServerOptions = {},
  directory = buildDirectory(),
): Promise<T> {
  const server = new FileServer(directory, options);
  await server.start();
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

test("the file of headers is what the page's own server sends", async () => {
  expect(await headersFile()).toEqual(pageHeaders());
});

test("with these headers the page boots at once, with nothing refused, and nobody else frames it", async ({
  page,
}) => {
  const refused = await refusals(page);
  const loads = countLoads(page);
  const headers = await headersFile();
  await serve(
    async ({ url }) => {
      await page.goto(`${url}?boot=1`);
      await untilStarted(page);
      await untilShell(page);
      expect(loads()).toBe(1);
      await untilKept(page);
      expect(refused).toEqual([]);
      const other = await framing();
      try {
        await page.goto(other.show(url));
        await expectRefused(page);
      } finally {
        other.stop();
      }
    },
    { headers },
  );
});

test("from a host without headers the page boots with nothing refused, and has them from its worker", async ({
  page,
}) => {
  const refused = await refusals(page);
  await serve(async ({ url }) => {
    await page.goto(`${url}?boot=1`);
    await untilStarted(page);
    await untilShell(page);
    expect(refused).toEqual([]);
    const reloaded = await page.reload();
    expect(reloaded?.fromServiceWorker()).toBe(true);
    const wanted = Object.entries(pageHeaders()).map(([name, value]) => [name.toLowerCase(), value]);
    expect(reloaded?.headers()).toMatchObject(Object.fromEntries(wanted));
    const other = await framing();
    try {
      await page.goto(other.show(url));
      await expectRefused(page);
    } finally {
      other.stop();
    }
  });
});

test("from a host without headers or secure connection the page itself says what may run", async ({
  page,
}) => {
  const refused = await refusals(page);
  await serve(async ({ port }) => {
    await page.goto(`http://${INSECURE_HOST}:${port}/`);
    await untilStarted(page);
    expect(await page.evaluate(() => "serviceWorker" in navigator)).toBe(false);
    expect(refused).toEqual([]);
    expect(await injectScripts(page)).toEqual([]);
    await expect
      .poll(() => refused.filter((what) => what.startsWith("script-src")).length)
      .toBeGreaterThan(5);
  });
});

test("built with --embed the page lets itself be framed by whom it names", async ({ page }) => {
  const friend = await framing();
  const other = await framing();
  const directory = await mkdtemp(join(tmpdir(), "webtpm-static-embed-"));
  try {
    await cp(buildDirectory(), directory, { recursive: true });
    const headers = pageHeaders({ embed: [friend.origin] });
    await writeServiceWorker(directory, headers);
    const started = page
      .frameLocator("iframe")
      .getByRole("heading", { name: "Watch a PC measure its own boot" });
    await serve(
      async ({ url }) => {
        await page.goto(friend.show(url));
        await expect(started).toBeVisible();
        await page.goto(other.show(url));
        await expectRefused(page);
      },
      { headers },
      directory,
    );
    // Once visited, also where the host says nothing.
    await serve(
      async ({ url }) => {
        await page.goto(url);
        await untilStarted(page);
        await untilKept(page);
        await page.goto(friend.show(url));
        await expect(started).toBeVisible();
        await page.goto(other.show(url));
        await expectRefused(page);
      },
      {},
      directory,
    );
  } finally {
    await rm(directory, { recursive: true });
    friend.stop();
    other.stop();
  }
});
