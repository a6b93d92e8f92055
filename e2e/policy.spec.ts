/** The headers of the page that `npm start` serves: what they are, that the page lives with them, and what they stop. */
import { expect, test } from "@playwright/test";
import { pageHeaders } from "../src/node/tools/page-headers.ts";
import { untilShell } from "./page-guest.ts";
import { expectRefused, framing, injectScripts, refusals, showPanes } from "./page-policy.ts";
import { startPage } from "./started-program.ts";

const lowerCase = (headers: Record<string, string>) =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

test("all that the page's server gives has the headers", async ({ request }) => {
  const html = await (await request.get("/")).text();
  const script = /<script[^>]* src="\.(\/assets\/[^"]+\.js)"/.exec(html)?.[1];
  expect(script).toBeDefined();
  // The script loads others, one of which starts the worker.
  const known = new Set([script!.replace("/assets/", "")]);
  for (const name of known) {
    const code = await (await request.get(`/assets/${name}`)).text();
    for (const [, other] of code.matchAll(/["'`/]([\w.-]+\.js)["'`]/g)) {
      if (other && (await request.get(`/assets/${other}`)).ok()) known.add(other);
    }
  }
  const worker = Array.from(known).find((name) => name.startsWith("tpm.worker-"));
  expect(worker).toBeDefined();
  for (const path of [
    "/",
    script!,
    `/assets/${worker}`,
    "/images/manifest.json",
    "/images/none",
    "/no-such-file.js",
    "/icon.svg",
  ]) {
    const response = await request.get(path);
    expect(response.headers(), path).toMatchObject(lowerCase(pageHeaders()));
  }
});

test("the sources of the page, as --watch serves them, run with nothing refused", async ({
  page,
  request,
}) => {
  const refused = await refusals(page);
  const { url, stop } = await startPage("--watch");
  try {
    await page.goto(url);
    await page.waitForFunction(() => "webtpm" in window);
    await showPanes(page);
    expect(refused).toEqual([]);
    for (const path of [
      "src/page/app/main.ts",
      "src/worker/tpm.worker.ts?worker_file&type=module",
      "images/none",
    ])
      expect((await request.get(`${url}${path}`)).headers(), path).toMatchObject(lowerCase(pageHeaders()));
  } finally {
    await stop();
  }
});

test("the page boots, and shows all its panes, with nothing refused", async ({ page }) => {
  const refused = await refusals(page);
  await page.goto("/?boot=1&kernel=small");
  await untilShell(page);
  await showPanes(page);
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  expect(refused).toEqual([]);
});

test("no script runs but the page's own", async ({ page }) => {
  const refused = await refusals(page);
  await page.goto("/");
  await page.waitForFunction(() => "webtpm" in window);
  expect(await injectScripts(page)).toEqual([]);
  await expect.poll(() => refused.filter((what) => what.startsWith("script-src")).length).toBeGreaterThan(5);
});

test("a page of another origin cannot show it in a frame", async ({ page, baseURL }) => {
  const other = await framing();
  try {
    await page.goto(other.show(`${baseURL}/`));
    await expectRefused(page);
  } finally {
    other.stop();
  }
});

test("a page that the owner names can, and no other", async ({ page }) => {
  const friend = await framing();
  const other = await framing();
  const { url, stop } = await startPage("--embed", friend.origin);
  try {
    await page.goto(friend.show(url));
    const inside = page.frameLocator("iframe");
    await expect(inside.getByRole("heading", { name: "Watch a PC measure its own boot" })).toBeVisible();
    await page.goto(other.show(url));
    await expectRefused(page);
  } finally {
    await stop();
    friend.stop();
    other.stop();
  }
});
