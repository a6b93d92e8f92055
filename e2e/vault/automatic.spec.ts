/** Snapshots that nobody asks for: on a timer, and when the page is left. */
import { expect, type Page, test } from "@playwright/test";
import { manyFrames, run, untilShell } from "../page-guest.ts";

const FIVE_MINUTES = 5 * 60_000;

declare global {
  interface Window {
    /** Lets five minutes pass for the timers that wait so long. @returns how many do */
    fiveMinutes(): number;
  }
}

/** Boots a page whose five minutes pass when they are told to; only the interval of five minutes is another one. */
async function boot(page: Page): Promise<void> {
  await page.addInitScript((long) => {
    const [set, clear] = [window.setInterval.bind(window), window.clearInterval.bind(window)];
    const works = new Map<unknown, () => void>();
    window.setInterval = ((work: () => void, ms: number, ...args: unknown[]) => {
      const id = set(work, ms, ...args);
      if (ms === long) works.set(id, work);
      return id;
    }) as typeof window.setInterval;
    window.clearInterval = (id) => {
      works.delete(id);
      clear(id);
    };
    window.fiveMinutes = () => {
      for (const work of works.values()) work();
      return works.size;
    };
  }, FIVE_MINUTES);
  await page.goto("/?boot=1&kernel=small&pane=machines");
  await untilShell(page);
}

const choose = (page: Page, when: string) =>
  page.locator(".machines-row label", { hasText: "Taken" }).locator("select").selectOption(when);

const snapshots = (page: Page) =>
  page.evaluate(async () =>
    (await window.webtpm.machines())[0]!.snapshots.map(({ id, name, reason }) => ({ id, name, reason })),
  );

/** As the browser tells it when another tab comes to the front. */
const setVisibility = (page: Page, state: DocumentVisibilityState) =>
  page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, get: () => value });
    Object.defineProperty(document, "hidden", { configurable: true, get: () => value === "hidden" });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

test("one is taken every five minutes, in place of the one before", async ({ page }) => {
  await boot(page);
  await page.evaluate(() => window.webtpm.snapshot("mine"));
  const fiveMinutes = () => page.evaluate(() => window.fiveMinutes());
  expect(await fiveMinutes()).toBe(0);
  expect((await snapshots(page)).map(({ name }) => name)).toEqual(["mine"]);

  await run(page, "export KEPT=in-memory");
  await choose(page, "timer");
  const taken = async () => (await snapshots(page)).filter(({ reason }) => reason === "timer");
  await expect.poll(fiveMinutes).toBe(1);
  await expect.poll(async () => (await taken()).length).toBe(1);
  const [first] = await taken();
  expect(await fiveMinutes()).toBe(1);
  await expect.poll(async () => (await taken())[0]?.id, { timeout: 60_000 }).not.toBe(first!.id);
  expect((await snapshots(page)).map(({ name }) => name).sort()).toEqual(["automatic", "mine"]);
  await choose(page, "off");
  await expect(page.locator("[data-snapshot=automatic]")).toContainText("by the clock");
  // One that was under way is stored first.
  await expect(page.getByRole("button", { name: "Take a snapshot…" })).toBeEnabled();
  const [last] = await taken();
  expect(await fiveMinutes()).toBe(0);
  expect(await taken()).toEqual([last]);

  await page.evaluate(() => window.webtpm.restore("automatic"));
  expect(await run(page, "echo $KEPT")).toBe("in-memory\n");
});

test("one is taken when the page is left, also after a reload, and none of a machine that is off", async ({
  page,
}) => {
  await boot(page);
  await setVisibility(page, "hidden");
  await setVisibility(page, "visible");
  await choose(page, "hidden");
  await page.reload();
  await untilShell(page);
  expect(await snapshots(page)).toEqual([]);
  await setVisibility(page, "hidden");
  const reasons = async () => (await snapshots(page)).map(({ name, reason }) => `${name} ${reason}`);
  await expect.poll(reasons).toEqual(["automatic hidden"]);
  await setVisibility(page, "visible");
  await expect(page.locator("[data-snapshot=automatic]")).toContainText("when the page was left");
  const [taken] = await snapshots(page);

  // Nobody runs it now: there is nothing to take, and nothing to complain of.
  await page.goto("/?pane=machines");
  await expect(page.locator("[data-snapshot=automatic]")).toBeVisible();
  await setVisibility(page, "hidden");
  await manyFrames(page);
  expect(await snapshots(page)).toEqual([taken]);
  await expect(page.getByRole("alert")).toHaveCount(0);
});
