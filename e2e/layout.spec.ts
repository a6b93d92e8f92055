/** How the page is laid out: the bar between the halves, the size of its text, and what it is on paper. */
import { expect, test } from "@playwright/test";
import { accessible } from "./accessible.ts";

const SHOTS = process.env.WEBTPM_SHOTS;

test("the bar between the halves stands where it was put, for each width of window", async ({ page }) => {
  await page.setViewportSize({ width: 1900, height: 900 });
  await page.goto("/?pane=pcrs");
  const bar = page.getByRole("separator", { name: "Width of the left half" });
  await expect(bar).toHaveAttribute("aria-valuenow", "50");
  await bar.focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
  await expect(bar).toHaveAttribute("aria-valuenow", "40");
  // Another window, another place.
  await page.setViewportSize({ width: 1200, height: 900 });
  await expect(bar).toHaveAttribute("aria-valuenow", "50");
  const box = (await bar.boundingBox())!;
  await page.mouse.move(box.x + 8, box.y + 100);
  await page.mouse.down();
  await page.mouse.move(box.x + 248, box.y + 100);
  await page.mouse.up();
  await expect(bar).toHaveAttribute("aria-valuenow", /^7[01]$/);
  await page.reload();
  await expect(bar).toHaveAttribute("aria-valuenow", /^7[01]$/);
  await page.setViewportSize({ width: 1900, height: 900 });
  await expect(bar).toHaveAttribute("aria-valuenow", "40");
});

for (const width of [1280, 390]) {
  test(`the text is large for a presentation, and stays so, at ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/?pane=pcrs");
    const size = () => page.evaluate(() => getComputedStyle(document.body).fontSize);
    const button = page.getByRole("button", { name: "Large text, for a presentation" });
    const usual = Number.parseFloat(await size());
    await button.click();
    await expect(button).toHaveAttribute("aria-pressed", "true");
    expect(Number.parseFloat(await size())).toBeCloseTo(1.375 * usual, 2);
    await page.reload();
    await expect(button).toHaveAttribute("aria-pressed", "true");
    expect(Number.parseFloat(await size())).toBeCloseTo(1.375 * usual, 2);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    await accessible(page, `large text, ${width}`);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/large-${width}.png` });
    await button.click();
    expect(Number.parseFloat(await size())).toBe(usual);
  });
}

test("on paper are the views, whole and dark on white, and no buttons", async ({ page }) => {
  await page.goto("/?pane=lessons&theme=dark");
  await page.locator(".lesson-row").first().waitFor();
  await page.emulateMedia({ media: "print" });
  await expect(page.getByRole("button", { name: "Boot", exact: true })).toBeHidden();
  await expect(page.getByRole("tablist").first()).toBeHidden();
  const list = page.locator(".lessons.scroll");
  const [shown, whole] = await list.evaluate((element) => [element.clientHeight, element.scrollHeight]);
  expect(shown).toBe(whole);
  expect(await page.evaluate(() => getComputedStyle(document.body).color)).toBe("rgb(0, 0, 0)");
  if (SHOTS) await page.pdf({ path: `${SHOTS}/lessons.pdf` });
});
