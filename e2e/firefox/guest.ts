/** Driving the page in Firefox, and its guest, as `page-guest.ts` does in Chromium. */
import type { Page } from "puppeteer-core";
import { expect } from "vitest";
import { outputOf, PROMPT, typed } from "../page-guest.ts";

/** Waits until the page proper has started, after the reload that a static page may do. */
export async function untilStarted(page: Page): Promise<void> {
  // Between two documents there is nobody to ask.
  await expect.poll(() => page.evaluate(() => "webtpm" in window).catch(() => false)).toBe(true);
}

/** What the guest has printed since its machine was switched on. */
export const serial = (page: Page) => page.evaluate(() => window.webtpm.serial.text());

export async function untilShell(page: Page): Promise<void> {
  await untilStarted(page);
  await page.evaluate(() => window.webtpm.ready);
  await expect.poll(() => serial(page)).toMatch(PROMPT);
}

/** Runs a shell command in the guest. @returns what it printed; fails the test when it does not end well. */
export async function run(page: Page, command: string): Promise<string> {
  const { line, pattern } = typed(command);
  await page.evaluate((text) => window.webtpm.serial.send(text), line);
  await expect.poll(() => serial(page)).toMatch(new RegExp(pattern));
  return outputOf(command, pattern, await serial(page));
}

/** The text of the first element that fits, once there is one. */
export async function text(page: Page, selector: string): Promise<string> {
  const element = await page.waitForSelector(selector);
  return (await element?.evaluate(({ textContent }) => textContent)) ?? "";
}

export async function show(page: Page, pane: string): Promise<void> {
  await page.locator(`#tab-${pane}`).click();
}

/** Clicks the visible button of this name. */
export async function press(page: Page, name: string): Promise<void> {
  await page.locator(`::-p-aria(${name}[role="button"])`).click();
}

/** The values that the PCR pane shows for a bank, by index. */
export async function shownPcrs(page: Page, bank: string): Promise<string[]> {
  await show(page, "pcrs");
  await page.locator(`input[name="pcr-bank"][value="${bank}"]`).click();
  return page.$$eval(".pcrs .digest", (digests) => digests.map(({ textContent }) => textContent ?? ""));
}
