/** The words of this field are explained where they first stand, and all together. */
import { expect, test } from "@playwright/test";
import { GLOSSARY } from "../src/page/lessons/glossary.ts";
import { accessible } from "./accessible.ts";

const SHOTS = process.env.WEBTPM_SHOTS;

for (const width of [1280, 390]) {
  test(`a word of a lesson says what it means, at ${width} pixels, by keyboard too`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await page.goto("/?pane=lessons");
    await page.locator(".lesson-row").first().click();
    const word = page.locator("lesson-step").getByRole("button", { name: "PCRs", exact: true });
    await word.focus();
    await page.keyboard.press("Enter");
    const text = page.getByRole("dialog", { name: "What “PCR” means" });
    await expect(text).toBeVisible();
    await expect(text).toContainText("it can be extended, not written");
    await expect(text).toContainText("PCR Operations");
    const box = (await text.boundingBox())!;
    expect(box.x).toBeGreaterThanOrEqual(0);
    expect(box.x + box.width).toBeLessThanOrEqual(width);
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/term-${width}.png` });
    await accessible(page, "a word's explanation", "tpm-lessons");
    await page.keyboard.press("Escape");
    await expect(text).toBeHidden();
    await expect(word).toBeFocused();
  });
}

test("the list of lessons has all the words, each with its source", async ({ page }) => {
  await page.goto("/?pane=lessons");
  await page.getByText("The words of this field").click();
  const list = page.locator(".glossary");
  await expect(list.locator("dt")).toHaveText(GLOSSARY.map(({ word }) => word));
  for (const { spec } of GLOSSARY) await expect(list).toContainText(spec);
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/glossary.png` });
  await accessible(page, "the glossary", "tpm-lessons");
});
