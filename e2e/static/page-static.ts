/** What the specs of the static page share. */
import { expect, type Page } from "@playwright/test";

/** Counts the documents that a page loads from now on: 1 for an address, one more for each reload. */
export function countLoads(page: Page): () => number {
  let loads = 0;
  page.on("domcontentloaded", () => loads++);
  return () => loads;
}

/** Waits until the browser keeps everything. @param limit milliseconds. */
export async function untilKept(page: Page, limit = 60_000): Promise<void> {
  await expect(page.locator("html")).toHaveAttribute("data-offline", "ready", { timeout: limit });
}

/** Waits until the page proper has started, after the reload that there may be. */
export async function untilStarted(page: Page): Promise<void> {
  await page.waitForFunction(() => "webtpm" in window, undefined, { timeout: 60_000 });
}

/** What the status line says of something, e.g. "Backend". */
export const statusOf = (page: Page, name: string) => page.locator(`status-line [data-name="${name}"]`);
