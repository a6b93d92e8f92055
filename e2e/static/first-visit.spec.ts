/** What a first visit fetches, and when: the page alone first, what a boot needs at the boot, nothing twice, all of it on a wish. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "@playwright/test";
import { untilShell } from "../page-guest.ts";
import { buildDirectory } from "./build.ts";
import { FileServer } from "./file-server.ts";
import { statusOf, untilKept, untilStarted } from "./page-static.ts";

/** By which a browser knows what it has: file servers send at least this. */
const VALIDATOR = { "Last-Modified": "Mon, 05 Jan 2026 00:00:00 GMT" };

/** Bytes to the first view, as a host sends them that compresses. */
const MOST_TO_FIRST_VIEW = 250_000;
/** Bytes to the shell, with the hidden TPM, whose own machine has 4.7 MB of them. */
const MOST_TO_SHELL = 12_000_000;
/** Looked at for a new version, again and again. */
const WORKER = "sw.js";

interface Row {
  path: string;
  bytes: number;
  packed: number;
}

async function rows(paths: readonly string[]): Promise<Row[]> {
  return Promise.all(
    paths.map(async (path) => {
      const bytes = await readFile(join(buildDirectory(), path));
      return { path, bytes: bytes.length, packed: Math.min(bytes.length, gzipSync(bytes).length) };
    }),
  );
}

/** In the page: the paths of what was asked for since it began to load the views, which is when there is a shell. */
function viewsAhead(): string[] {
  const since = performance.getEntriesByName("webtpm:views")[0]!.startTime;
  return performance
    .getEntriesByType("resource")
    .filter(({ startTime }) => startTime >= since)
    .map(({ name }) => new URL(name).pathname.slice(1));
}

const sum = (table: readonly Row[]) => table.reduce((all, { packed }) => all + packed, 0);

function print(title: string, table: readonly Row[]): void {
  const number = (value: number) => value.toLocaleString("en").padStart(11);
  console.log(`${title}: ${table.length} requests, ${sum(table).toLocaleString("en")} bytes gzipped`);
  for (const { path, bytes, packed } of table) console.log(`${number(bytes)} ${number(packed)}  ${path}`);
}

for (const headers of [
  {},
  { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" },
]) {
  const host = Object.keys(headers).length ? "a host that sends headers" : "a host that sends none";
  test(`${host}: a first visit, a boot, and a second one`, async ({ page }) => {
    const server = new FileServer(buildDirectory(), { headers: { ...VALIDATOR, ...headers } });
    await server.start();
    try {
      await page.goto(server.url);
      await untilStarted(page);
      await expect(page.getByRole("heading", { name: "Watch a PC measure its own boot" })).toBeVisible();
      await page.waitForFunction(() => document.documentElement.dataset.offline === "partly");
      await page.waitForLoadState("networkidle");
      const view = await rows(server.served.splice(0));
      print("to the first view", view);
      // The recording is asked for by a page that stands already, and plays in it.
      // The service worker's script is looked at again, which is no part of what the view waits for.
      const first = (path: string, at: number) => view.findIndex((row) => row.path === path) === at;
      const stands = view.filter(
        ({ path }, at) => !path.startsWith("recordings/") && (path !== WORKER || first(path, at)),
      );
      expect(sum(stands)).toBeLessThanOrEqual(MOST_TO_FIRST_VIEW);

      await page.getByRole("button", { name: /^Boot Linux/ }).click();
      await untilShell(page);
      await expect(statusOf(page, "Backend")).toContainText("hidden machine");
      await page.waitForFunction(() => document.documentElement.dataset.views === "here");
      const ahead = await page.evaluate(viewsAhead);
      const from = server.served.splice(0);
      const boot = await rows(from.filter((path) => !ahead.includes(path)));
      print("from there to the shell", boot);
      const views = await rows(from.filter((path) => ahead.includes(path)));
      print("after it, the views that were not opened", views);
      expect(sum([...view, ...boot])).toBeLessThanOrEqual(MOST_TO_SHELL);
      const all = [...view, ...boot, ...views].map(({ path }) => path);
      // The page's one kilobyte of HTML comes once to the browser and once to its service worker.
      const twice = all.filter((path, index) => path !== WORKER && all.indexOf(path) !== index);
      expect(twice).toEqual(["index.html"]);

      await page.reload();
      await untilStarted(page);
      await page.getByRole("button", { name: /^Boot Linux/ }).click();
      await untilShell(page);
      const again = server.served.splice(0);
      console.log(`once more to the shell: ${again.join(", ") || "nothing"}`);
      expect(again.filter((path) => path !== WORKER)).toEqual([]);

      await untilKept(page);
      const rest = await rows(server.served.splice(0));
      print("all of it, on a wish", rest);
      expect(rest.map(({ path }) => path).filter((path) => all.includes(path) && path !== WORKER)).toEqual(
        [],
      );
      expect(rest.some(({ path }) => /bzImage/.test(path))).toBe(true);
    } finally {
      await server.stop();
    }
  });
}
