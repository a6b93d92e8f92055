/** What the specs of the static page share. */
import { expect, type Page } from "@playwright/test";

/** Counts the documents that a page loads from now on: 1 for an address, one more for each reload. */
export function countLoads(page: Page): () => number {
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  return () => loads;
}

/** Has the browser keep everything, and waits until it does. @param limit milliseconds. */
export async function untilKept(page: Page, limit = 60_000): Promise<void> {
  await page.waitForFunction(() => document.documentElement.dataset.offline !== undefined);
  // Some tests have begun with a fresh context, others have asked before; to ask twice does no harm.
  if ((await page.locator("html").getAttribute("data-offline")) !== "ready") {
    await page.locator("#tab-machine").click();
    const keep = page.getByRole("button", { name: /^Keep the page for use offline/ });
    const kept = page.locator('html[data-offline="ready"]');
    await expect(keep.or(kept).or(page.getByText("Fetching the page")).first()).toBeVisible();
    if (await keep.isVisible()) await keep.click();
  }
  await expect(page.locator("html")).toHaveAttribute("data-offline", "ready", { timeout: limit });
}

/** Waits until the page proper has started, after the reload that there may be. */
export async function untilStarted(page: Page): Promise<void> {
  await page.waitForFunction(() => "webtpm" in window, undefined, { timeout: 60_000 });
}

/** What the status line says of something, e.g. "Backend". */
export const statusOf = (page: Page, name: string) => page.locator(`status-line [data-name="${name}"]`);
