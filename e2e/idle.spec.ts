/** What a page costs on which nothing happens: it is one tab of many. */
import { expect, type Page, test } from "@playwright/test";
import { untilShell } from "./page-guest.ts";

declare global {
  interface Window {
    framesAsked: number;
  }
}

/** Frames that the page asks for in a second. */
async function frames(page: Page): Promise<number> {
  const before = await page.evaluate(() => window.framesAsked);
  await page.waitForTimeout(1000);
  return (await page.evaluate(() => window.framesAsked)) - before;
}

test("the guest's screen is drawn while it is in sight, and not while it is not", async ({ page }) => {
  await page.addInitScript(() => {
    window.framesAsked = 0;
    const ask = requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (callback) => {
      window.framesAsked++;
      return ask(callback);
    };
  });
  await page.goto("/?backend=bridge&boot=1");
  await untilShell(page);
  await page.getByRole("tab", { name: "PCRs" }).click();
  await expect.poll(() => frames(page)).toBeLessThan(10);
  await page.getByRole("tab", { name: "Screen" }).click();
  await expect(page.locator(".vga-container")).toContainText("SeaBIOS");
  expect(await frames(page)).toBeGreaterThan(20);
  await page.getByRole("tab", { name: "Serial console" }).click();
  await expect.poll(() => frames(page)).toBeLessThan(10);
});
