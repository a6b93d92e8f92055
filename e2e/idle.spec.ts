/** What a page costs on which nothing happens: it is one tab of many. */
import { expect, type Page, test } from "@playwright/test";
import { untilShell } from "./page-guest.ts";

declare global {
  interface Window {
    framesAsked: number;
    /** The browser's own, which is not counted. */
    nextFrame: typeof requestAnimationFrame;
  }
}

/** Frames that the page asks for while the browser draws sixty. */
function frames(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const before = window.framesAsked;
    for (let i = 0; i < 60; i++) await new Promise(window.nextFrame);
    return window.framesAsked - before;
  });
}

test("the guest's screen is drawn while it is in sight, and not while it is not", async ({ page }) => {
  await page.addInitScript(() => {
    window.framesAsked = 0;
    const ask = requestAnimationFrame.bind(window);
    window.nextFrame = ask;
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
